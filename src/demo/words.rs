//! The names and texts of the generated people, places and problems. All of it is invented.

pub const GIVEN_NAMES: &[&str] = &[
    "Ada", "Amal", "Amara", "Andre", "Asha", "Bea", "Ben", "Bruno", "Cal", "Carmen", "Cleo", "Dana", "Dario", "Dell",
    "Edie", "Eli", "Emre", "Esme", "Fay", "Felix", "Gia", "Gus", "Hana", "Hugo", "Ida", "Imani", "Ines", "Ivo", "Jada",
    "Jonah", "June", "Kai", "Kofi", "Lena", "Leo", "Lina", "Lou", "Mabel", "Mara", "Mateo", "Mina", "Nadia", "Nico",
    "Noor", "Olga", "Omar", "Orla", "Pablo", "Pia", "Quinn", "Rafa", "Remy", "Rosa", "Ruth", "Sami", "Sasha", "Silas",
    "Tara", "Theo", "Tova", "Uma", "Vera", "Wes", "Willa", "Xenia", "Yara", "Yusuf", "Zane", "Zora",
];
pub const FAMILY_NAMES: &[&str] = &[
    "Abbot",
    "Aldane",
    "Barrow",
    "Bexley",
    "Calloway",
    "Carver",
    "Dessa",
    "Dunmore",
    "Ellory",
    "Estrand",
    "Farrow",
    "Fenn",
    "Gallow",
    "Garrick",
    "Hallam",
    "Hartwell",
    "Ivers",
    "Jarrow",
    "Kestrel",
    "Kimble",
    "Larkin",
    "Lowell",
    "Marlow",
    "Merrin",
    "Nettle",
    "Norwood",
    "Oakes",
    "Orrin",
    "Pellam",
    "Quill",
    "Ravel",
    "Redfern",
    "Sable",
    "Sorrel",
    "Tamsin",
    "Thorne",
    "Underhill",
    "Vance",
    "Wexler",
    "Winslow",
    "Yarrow",
    "Zeller",
];
pub const PROVIDER_PLACES: &[&str] = &[
    "Larkmoor",
    "Tansyford",
    "Quillbrook",
    "Ottermere",
    "Fennelgate",
    "Harrowmist",
    "Willowend",
    "Pebblecross",
    "Sorrelby",
    "Thistledown",
    "Candlewick Row",
    "Merrowdale",
    "Hollyhask",
    "Brambleholt",
    "Kestrelby",
    "Mossgarth",
    "Saltmarrow",
    "Plumstead Nook",
    "Ivorywell",
    "Dapplewood",
];
pub const PROVIDER_KINDS: &[&str] = &[
    "Clinic",
    "Recovery House",
    "Benefits Office",
    "Housing Bureau",
    "Family Center",
    "Health Plan",
    "Training Center",
    "Day Program",
    "Legal Desk",
    "Hospital",
];
pub const SERVICES: &[&str] = &[
    "Intake and assessment",
    "Outpatient program",
    "Medication program",
    "Housing placement",
    "Benefits counseling",
    "Family support",
    "Job coaching",
    "Day program",
    "Transport help",
    "Legal information",
];
pub const WAIT_TIMES: &[&str] =
    &["None at present", "About two weeks", "Four to six weeks", "Two months", "Call first"];
pub const PRONOUNS: &[&str] = &["she/her", "he/him", "they/them"];
pub const LANGUAGES: &[&str] = &["Spanish", "Somali", "Vietnamese", "Arabic", "American Sign Language"];
pub const TEAMS: &[&str] =
    &["North bank", "South bank", "Old mill", "Harbor", "Upper valley", "Lower valley", "Lakeside", "Bridge street"];
pub const TAGS: &[&str] = &[
    "clinic-move",
    "court-date",
    "first-contact",
    "housing",
    "medication",
    "reentry",
    "transport",
    "urgent-paperwork",
    "young-parent",
];

pub const GOALS: &[&str] = &[
    "Stay on my medication",
    "Keep my room",
    "Get my benefits back",
    "See my children every week",
    "Start the program",
    "Be heard at the next meeting",
    "Get a written answer",
    "Keep my job",
    "Get my license back",
    "Move closer to my family",
];
pub const GOAL_DATES: &[&str] = &[
    "when I move to the new clinic",
    "while the appeal runs",
    "before the end of the month",
    "without having to explain everything again",
    "and know what comes next",
    "with somebody beside me",
    "after I leave the program",
    "while I am on probation",
];

pub const BARRIER_ACTORS: &[&str] = &[
    "The front desk",
    "The intake worker",
    "The case manager there",
    "The landlord",
    "The plan",
    "A nurse",
    "The program director",
    "The office",
];
pub const BARRIER_ACTS: &[&str] = &[
    "said that there was no place",
    "refused to take the form",
    "asked for a document that nobody can get",
    "stopped the service without a letter",
    "would not speak with the client's advocate",
    "decided before the client was asked",
    "sent the letter to an old address",
    "said that medication had to stop first",
];
pub const BARRIER_EFFECTS: &[&str] = &[
    "The client was told to come back later.",
    "No reason was given in writing.",
    "The client has waited ever since.",
    "Others in the group tell of the same.",
    "The client asked for a supervisor and did not get one.",
    "A second visit went the same way.",
];

pub const NOTE_OPENINGS: &[&str] = &[
    "Spoke with the client",
    "Met the client at the library",
    "Called the provider",
    "Went through the letter together",
    "Walked over to the office together",
    "Left a message with a first name only",
    "Sat down to plan the meeting",
];
pub const NOTE_TOPICS: &[&str] = &[
    "about what a good outcome would be",
    "about the forms that are still missing",
    "about who should be in the room",
    "about the ride to the appointment",
    "about the letter from last week",
    "about what must not be said",
    "about how the week had been",
];
pub const NOTE_NEXT_STEPS: &[&str] = &[
    "Next: write down the three questions.",
    "Next: ask for the decision in writing.",
    "Next: gather the documents.",
    "Agreed to talk again on Thursday.",
    "The client will call; we wait.",
    "Nothing more to do for now.",
    "The client feels more sure of it than last time.",
];

pub const PURPOSES: &[&str] = &[
    "Ask why the place was refused",
    "Agree on a plan in writing",
    "Go through the decision and the ways to appeal",
    "Make sure that the client's views are recorded",
    "Ask for an accommodation",
    "Settle the date of the move",
    "Review how the plan has gone",
];
pub const SUMMARIES: &[&str] = &[
    "The client said what they had come to say. The provider listened and took notes.",
    "A short meeting. The main question stays open until the director is back.",
    "The provider agreed to look at the decision again.",
    "Tense at first, better once the agenda was on the table.",
    "The client asked for a pause and got it. Everything on the list was covered.",
];
pub const PROMISES: &[&str] = &[
    "Send the decision in writing",
    "Call back with a date",
    "Put the request before the director",
    "Return the missing form",
    "Bring the letter to the next meeting",
    "Correct the record",
];
pub const PLACES_TO_MEET: &[&str] = &[
    "Main entrance, second floor",
    "Room 4",
    "By phone",
    "The library, study room",
    "Front desk, ask for the coordinator",
];
pub const TASKS: &[&str] = &[
    "Call the provider",
    "Write the letter with the client",
    "Gather the documents",
    "Arrange a ride",
    "Ask for the record",
    "Prepare the meeting",
    "Check whether the answer has come",
];

pub const HOLD_REASONS: &[&str] =
    &["The client is away until the date of the review.", "We wait for the decision.", "The client asked for a pause."];
pub const WAIT_REASONS: &[&str] =
    &["No advocate is free at present.", "The client prefers to wait for the same advocate."];
pub const DECLINE_REASONS: &[&str] = &["Outside of what we do.", "Another advocate works on this already."];
pub const SIGNPOSTS: &[&str] =
    &["Pointed to the county's legal desk.", "Pointed to the helpline.", "Pointed to the peer group on Tuesdays."];
pub const ERROR_REASONS: &[&str] = &["Entered twice.", "Entered for the wrong person."];
pub const URGENT_REASONS: &[&str] =
    &["The place is lost at the end of the week.", "The medication runs out in a few days."];
pub const CLOSINGS: &[&str] = &[
    "The client has what they came for and knows whom to call.",
    "Partly solved; the client goes on alone and has our number.",
    "The provider changed its answer after the second meeting.",
    "No more contact after three attempts.",
    "The client moved; everything was handed over.",
];

/// Category, text, whether the item is mandatory, and its owner.
pub const PREPARATION: &[(&str, &str, bool, &str)] = &[
    ("purpose", "Purpose and desired outcome, in the client's words", true, "client"),
    ("points_and_questions", "Three points to make, three questions to ask", true, "client"),
    ("documents", "Documents gathered", true, "advocate"),
    ("roles", "Who attends, who speaks, the signal to pause", true, "advocate"),
    ("logistics", "Transport, childcare, time off", false, "client"),
    ("decision_in_writing", "Ask for the decision and the appeal rights in writing", false, "advocate"),
];

pub const NEEDS: &[&str] =
    &["Time to read before I sign.", "To be asked, not told.", "A quiet room.", "Somebody beside me at meetings."];
pub const HELPS: &[&str] = &[
    "A text the day before.",
    "To see the questions beforehand.",
    "To write things down.",
    "A break after half an hour.",
];
pub const DOES_NOT_HELP: &[&str] =
    &["Being asked the same thing by three people.", "Calls late in the evening.", "Being hurried."];
pub const WORDS_TO_AVOID: &[&str] = &["Addict. Clean.", "Non-compliant.", "Frequent flyer."];
