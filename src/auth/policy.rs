//! Who may do what. This table is the whole policy; which *rows* a role sees is decided by each store's `visible`.

text_enum! {
    /// What a person who signs in is to the organization.
    pub enum Role {
        Admin = "admin",
        Supervisor = "supervisor",
        Advocate = "advocate",
        Client = "client",
        Integration = "integration",
        Auditor = "auditor",
    }
}

/// A thing that a caller may be allowed to do; handlers name one in their signature.
pub trait Permission: 'static {
    const NAME: &'static str;
    fn allows(role: Role) -> bool;
}

macro_rules! policy {
    ($($permission:ident = $name:literal => $($role:ident)|+;)+) => {
        $(
            #[derive(Debug, Clone, Copy)]
            pub enum $permission {}
            impl Permission for $permission {
                const NAME: &'static str = $name;
                fn allows(role: Role) -> bool { matches!(role, $(Role::$role)|+) }
            }
        )+
        /// Every permission by name, with whom it is given to.
        pub const ALL: &[(&str, fn(Role) -> bool)] = &[$(($name, $permission::allows)),+];
    };
}

policy! {
    ReadSelf          = "self:read"          => Admin | Supervisor | Advocate | Client | Integration | Auditor;
    WriteSelf         = "self:write"         => Admin | Supervisor | Advocate | Client | Auditor;
    ReadOrganization  = "organization:read"  => Admin | Supervisor | Advocate | Auditor;
    WriteOrganization = "organization:write" => Admin;
    ReadUsers         = "users:read"         => Admin | Supervisor | Advocate;
    WriteUsers        = "users:write"        => Admin;
    ReadTeams         = "teams:read"         => Admin | Supervisor | Advocate;
    WriteTeams        = "teams:write"        => Admin;

    ReadAgenda        = "agenda:read"        => Supervisor | Advocate;
    ReadClients       = "clients:read"       => Supervisor | Advocate;
    WriteClients      = "clients:write"      => Supervisor | Advocate;
    ReadStatements    = "statements:read"    => Supervisor | Advocate;
    WriteStatements   = "statements:write"   => Supervisor | Advocate;
    ReadCases         = "cases:read"         => Admin | Supervisor | Advocate;
    WriteCases        = "cases:write"        => Supervisor | Advocate;
    MoveCases         = "cases:transition"   => Admin | Supervisor | Advocate;
    AssignCases       = "cases:assign"       => Supervisor;
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

    ReadDirectory     = "directory:read"     => Admin | Supervisor | Advocate;
    WriteDirectory    = "directory:write"    => Admin | Supervisor | Advocate;
    MergeDirectory    = "directory:merge"    => Admin | Supervisor;
    ReadProviderMemory = "providers:memory"  => Supervisor | Advocate;
    WriteTemplates    = "templates:write"    => Admin;
    ReadDeadlineRules = "deadline_rules:read" => Admin | Supervisor | Advocate;
    WriteDeadlineRules = "deadline_rules:write" => Admin;
    ReadCodeLists     = "code_lists:read"    => Admin | Supervisor | Advocate | Client | Integration | Auditor;

    ReadSearch        = "search:read"        => Supervisor | Advocate;
    ReadAccessLog     = "access_log:read"    => Supervisor;
    ReadAudit         = "audit:read"         => Auditor;
}

/// The names of what a role may do, in the table's order.
pub fn permissions(role: Role) -> Vec<&'static str> {
    ALL.iter().filter(|(_, allows)| allows(role)).map(|(name, _)| *name).collect()
}

/// The roles that hold a permission, in the enum's order; `None` for a name that the table has not.
pub fn roles(permission: &str) -> Option<Vec<Role>> {
    let (_, allows) = ALL.iter().find(|(name, _)| *name == permission)?;
    Some(Role::ALL.iter().copied().filter(|role| allows(*role)).collect())
}
