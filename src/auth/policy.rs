//! The permissions of each role. This table is the whole policy. Which rows a role sees is decided by each store's
//! `visible`, and which members of a row by `members.txt`.

use super::Scopes;

text_enum! {
    /// The role of a user in the organization.
    pub enum Role {
        Admin = "admin",
        Supervisor = "supervisor",
        Advocate = "advocate",
        Client = "client",
        Integration = "integration",
        Auditor = "auditor",
    }
}

text_enum! {
    /// What an integration reads cases for. `internal`: the organization's own work with its own records, so that
    /// nothing which is read reaches anybody outside it. More purposes, each with an agreement, come later.
    pub enum IntegrationPurpose { Internal = "internal" }
}

impl Role {
    /// Whether the role sees the content of a case, and not only that the case exists (AZ-07).
    pub const fn sees_content(self) -> bool {
        matches!(self, Self::Supervisor | Self::Advocate)
    }
}

/// A permission. Handlers name one in their signature.
pub trait Permission: 'static {
    const NAME: &'static str;
    /// Whether the permission applies before the user has set up the second factor that the role requires.
    const BEFORE_FACTOR: bool;
    /// Its bit in [`Scopes`], if an integration may be given it.
    const SCOPE_BIT: u32;
    /// Whether an integration has it if its scopes name it.
    const BY_SCOPE: bool;
    fn allows(role: Role) -> bool;
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    /// Whether it may be given to an integration.
    pub by_scope: bool,
    allows: fn(Role) -> bool,
}

macro_rules! policy {
    (@ by scope) => { true };
    (@) => { false };
    ($($permission:ident = $name:literal => $($role:ident)|* $([$by:ident $scope:ident])?;)+) => {
        /// The position of each permission in the table.
        #[derive(Clone, Copy)]
        enum PermissionIndex { $($permission),+ }
        $(
            #[derive(Debug, Clone, Copy)]
            pub enum $permission {}
            impl Permission for $permission {
                const NAME: &'static str = $name;
                const BEFORE_FACTOR: bool = matches!($name.as_bytes(), b"self:read" | b"self:factor");
                const SCOPE_BIT: u32 = scope_bit(PermissionIndex::$permission as usize);
                const BY_SCOPE: bool = policy!(@ $($by $scope)?);
                fn allows(role: Role) -> bool { matches!(role, $(Role::$role)|*) }
            }
        )+
        /// All permissions with the roles that hold them.
        pub const ALL: &[Row] = &[$(Row { name: $name, by_scope: $permission::BY_SCOPE, allows: $permission::allows }),+];
    };
}

/// The number of scopes before this row: only the permissions that are given by scope have a bit.
const fn scope_bit(row: usize) -> u32 {
    let (mut rest, mut row, mut bit) = (ALL, row, 0);
    while let Some((first, others)) = rest.split_first()
        && row > 0
    {
        if first.by_scope {
            bit += 1;
        }
        (rest, row) = (others, row - 1);
    }
    bit
}

/// [`Scopes`] has 64 bits.
const _: () = assert!(scope_bit(ALL.len()) <= 64);

// `[by scope]`: an integration has the permission if its scopes name it, and has no other permission. It sees what an
// administrator sees, or less.
policy! {
    ReadSelf          = "self:read"          => Admin | Supervisor | Advocate | Client | Integration | Auditor;
    WriteSelf         = "self:write"         => Admin | Supervisor | Advocate | Client | Auditor;
    OwnFactor         = "self:factor"        => Admin | Supervisor | Advocate | Client | Integration | Auditor;
    ReadOrganization  = "organization:read"  => Admin | Supervisor | Advocate | Auditor [by scope];
    WriteOrganization = "organization:write" => Admin;
    ReadUsers         = "users:read"         => Admin | Supervisor | Advocate;
    WriteUsers        = "users:write"        => Admin;
    ReadTeams         = "teams:read"         => Admin | Supervisor | Advocate [by scope];
    WriteTeams        = "teams:write"        => Admin;

    ReadAgenda        = "agenda:read"        => Supervisor | Advocate;
    ReadClients       = "clients:read"       => Supervisor | Advocate;
    WriteClients      = "clients:write"      => Supervisor | Advocate;
    MergeClients      = "clients:merge"      => Supervisor;
    ReadFeedback      = "feedback:read"      => Supervisor | Advocate;
    ReadStatements    = "statements:read"    => Supervisor | Advocate;
    WriteStatements   = "statements:write"   => Supervisor | Advocate;
    ReadCases         = "cases:read"         => Admin | Supervisor | Advocate [by scope];
    WriteCases        = "cases:write"        => Supervisor | Advocate;
    MoveCases         = "cases:transition"   => Admin | Supervisor | Advocate;
    AssignCases       = "cases:assign"       => Supervisor;
    ReadCaseFile      = "case_file:read"     => Supervisor | Advocate;
    ReadBreakGlass    = "break_glass:read"   => Supervisor;
    WriteBreakGlass   = "break_glass:write"  => Supervisor;
    ReadHandovers     = "handovers:read"     => Supervisor | Advocate;
    WriteHandovers    = "handovers:write"    => Supervisor | Advocate;
    DeclareInterests  = "interests:own"      => Supervisor | Advocate;
    ReadConflicts     = "conflicts:read"     => Supervisor;
    WriteConflicts    = "conflicts:write"    => Supervisor;
    ReadBarriers      = "barriers:read"      => Supervisor | Advocate;
    WriteBarriers     = "barriers:write"     => Supervisor | Advocate;
    ReadActions       = "actions:read"       => Supervisor | Advocate;
    WriteActions      = "actions:write"      => Supervisor | Advocate;
    ReadDeadlines     = "deadlines:read"     => Supervisor | Advocate;
    WriteDeadlines    = "deadlines:write"    => Supervisor | Advocate;
    ReadMeetings      = "meetings:read"      => Supervisor | Advocate;
    WriteMeetings     = "meetings:write"     => Supervisor | Advocate;
    ReadNotes         = "notes:read"         => Supervisor | Advocate;
    WriteNotes        = "notes:write"        => Supervisor | Advocate;
    ReadTasks         = "tasks:read"         => Supervisor | Advocate;
    WriteTasks        = "tasks:write"        => Supervisor | Advocate;

    ReadDirectory     = "directory:read"     => Admin | Supervisor | Advocate [by scope];
    WriteDirectory    = "directory:write"    => Admin | Supervisor | Advocate [by scope];
    MergeDirectory    = "directory:merge"    => Admin | Supervisor;
    ReadProviderMemory = "providers:memory"  => Supervisor | Advocate;
    WriteTemplates    = "templates:write"    => Admin;
    ReadDeadlineRules = "deadline_rules:read" => Admin | Supervisor | Advocate [by scope];
    WriteDeadlineRules = "deadline_rules:write" => Admin;
    ReadCodeLists     = "code_lists:read"    => Admin | Supervisor | Advocate | Client | Auditor [by scope];

    ReadPortal        = "portal:read"        => Client;
    WritePortal       = "portal:write"       => Client;

    ReadReports       = "reports:read"       => Admin | Supervisor | Advocate [by scope];
    ExportReports     = "reports:export"     => Supervisor;
    ReadSearch        = "search:read"        => Supervisor | Advocate;
    ReadAccessLog     = "access_log:read"    => Supervisor | Client;
    ReadExports       = "exports:read"       => Auditor;
    ReadAudit         = "audit:read"         => Auditor;
}

/// Whether a caller with this role and these scopes holds the permission.
pub fn allowed<P: Permission>(role: Role, scopes: Scopes) -> bool {
    P::allows(role) || P::BY_SCOPE && role == Role::Integration && scopes.has(P::SCOPE_BIT)
}

/// The names of the caller's permissions, in the table's order.
pub fn permissions(role: Role, scopes: Scopes) -> Vec<&'static str> {
    let scopes = if role == Role::Integration { scopes } else { Scopes::NONE };
    let granted = scopes.names();
    let held = ALL.iter().filter(|row| (row.allows)(role) || granted.contains(&row.name));
    held.map(|row| row.name).collect()
}

/// The roles that hold a permission, in the enum's order, and whether an integration may be given it; `None` for a name
/// that is not in the table.
pub fn roles(permission: &str) -> Option<(Vec<Role>, bool)> {
    let row = ALL.iter().find(|row| row.name == permission)?;
    Some((Role::ALL.iter().copied().filter(|role| (row.allows)(*role)).collect(), row.by_scope))
}
