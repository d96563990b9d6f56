//! AZ-07: fails a test whose reply contains a member that `src/auth/members.txt` does not allow the caller's role to
//! read, or that accepted a body with a member that the role may not write.

use super::conforms::{DOC, operation};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// The members of a schema that a role gets.
#[derive(Debug, Clone)]
pub enum Members {
    All,
    AllBut(BTreeSet<String>),
    None,
}

impl Members {
    pub fn have(&self, member: &str) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(those) => !those.contains(member),
            Self::None => false,
        }
    }
}

/// The members of each schema that each role gets.
pub type Table = BTreeMap<(String, String), Members>;

pub struct Tables {
    pub read: Table,
    pub written: Table,
}

pub static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let text = include_str!("../../../src/auth/members.txt");
    let (read, written) = text.split_once("## written").expect("two tables");
    Tables { read: table(read.split_once("## read").expect("two tables").1), written: table(written) }
});

fn table(text: &str) -> Table {
    let mut table = Table::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [schemas, roles, members] = parts.as_slice() else { panic!("members.txt: {line}") };
        let members = match *members {
            "all" => Members::All,
            "none" => Members::None,
            but => Members::AllBut(
                but.strip_prefix("all but ")
                    .unwrap_or_else(|| panic!("members.txt: {line}"))
                    .split(' ')
                    .map(str::to_owned)
                    .collect(),
            ),
        };
        for schema in schemas.split(' ') {
            for role in roles.split(' ') {
                let before = table.insert((schema.to_owned(), role.to_owned()), members.clone());
                assert!(before.is_none(), "members.txt has two lines on {schema} for {role}");
            }
        }
    }
    table
}

/// A page is not a record; it only contains records.
pub fn is_envelope(name: &str) -> bool {
    name.ends_with("Page") || name == "PageInfo"
}

/// The schema that this one refers to, with its name if it has one.
pub fn resolve(schema: &Value) -> (Option<&str>, &Value) {
    match schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        Some(name) => (Some(name), &DOC["components"]["schemas"][name]),
        None => (None, schema),
    }
}

/// The alternative and combined schemas of a value.
pub fn parts(schema: &Value) -> impl Iterator<Item = &Value> {
    ["allOf", "oneOf", "anyOf"].into_iter().flat_map(|way| schema[way].as_array().into_iter().flatten())
}

/// The first member of the value that the role must not get. An empty list reveals nothing.
fn surplus(table: &Table, role: &str, schema: &Value, value: &Value) -> Option<String> {
    let (name, schema) = resolve(schema);
    for part in parts(schema) {
        if let Some(found) = surplus(table, role, part, value) {
            return Some(found);
        }
    }
    if let Some(items) = value.as_array() {
        return items.iter().find_map(|item| surplus(table, role, &schema["items"], item));
    }
    let (Some(members), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else { return None };
    let record = name.filter(|name| !is_envelope(name));
    members.iter().find_map(|(member, value)| {
        let reveals = !value.as_array().is_some_and(Vec::is_empty);
        if let Some(record) = record
            && reveals
        {
            match table.get(&(record.to_owned(), role.to_owned())) {
                None => return Some(format!("{record} at all ({member})")),
                Some(given) if !given.have(member) => return Some(format!("{record}.{member}")),
                Some(_) => {}
            }
        }
        surplus(table, role, properties.get(member)?, value)
    })
}

/// The fault of a call by this role, if any, from its status, the sent body and the reply.
pub fn fault(role: &str, method: &str, path: &str, status: u16, sent: Option<&str>, reply: &Value) -> Option<String> {
    let operation = operation(if method == "HEAD" { "GET" } else { method }, path).filter(|_| status < 300)?;
    // Public operations give the same to all callers.
    let role = if operation["x-permission"].is_string() { role } else { "nobody" };
    let shown = &operation["responses"][status.to_string()]["content"]["application/json"]["schema"];
    if let Some(member) = surplus(&TABLES.read, role, shown, reply) {
        return Some(format!("{method} {path} shows {role} {member}, which members.txt does not give them to read"));
    }
    let taken = &operation["requestBody"]["content"]["application/json"]["schema"];
    let sent: Value = sent.and_then(|sent| serde_json::from_str(sent).ok()).unwrap_or_default();
    let member = surplus(&TABLES.written, role, taken, &sent)?;
    Some(format!("{method} {path} takes {member} from {role}, which members.txt does not give them to write"))
}
