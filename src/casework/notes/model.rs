//! What a note is, in the database and on the wire.

text_enum! {
    /// What a note is about, and so who reads it.
    pub enum NoteKind {
        /// A contact with the client or about the case.
        Contact = "contact",
        Progress = "progress",
        /// For its author and the team's supervisors.
        Restricted = "restricted",
        /// Of a talk about the work; for its author and the team's supervisors.
        Supervision = "supervision",
    }
}

impl NoteKind {
    /// The kinds that everybody reads who works the case.
    pub const FOR_ALL: &'static [Self] = &[Self::Contact, Self::Progress];
}
