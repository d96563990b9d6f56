//! Every file that leaves the organization: the single decision, the list of exports, the notices, and the marks of a
//! copy.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, conforms::DOC, pages},
};
use alongside::auth::Role;
use diesel::{connection::SimpleConnection as _, prelude::*};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const REASON: &str = "The clinic asks for it";
/// Statement 1 of 42 CFR 2.32(a), as amended in 2024.
const STATEMENT_1: &str = "This record which has been disclosed to you is protected by Federal confidentiality rules (42 CFR part 2). \
These rules prohibit you from using or disclosing this record, or testimony that describes the information contained in this record, in any \
civil, criminal, administrative, or legislative proceedings by any Federal, State, or local authority, against the patient, unless \
authorized by the consent of the patient, except as provided at 42 CFR 2.12(c)(5) or as authorized by a court in accordance with 42 CFR 2.64 \
or 2.65. In addition, the Federal rules prohibit you from making any other use or disclosure of this record unless at least one of the \
following applies:\n\
(i) Further use or disclosure is expressly permitted by the written consent of the individual whose information is being disclosed in this \
record or as otherwise permitted by 42 CFR part 2.\n\
(ii) You are a covered entity or business associate and have received the record for treatment, payment, or health care operations, or\n\
(iii) You have received the record from a covered entity or business associate as permitted by 45 CFR part 164, subparts A and E.\n\
A general authorization for the release of medical or other information is NOT sufficient to meet the required elements of written consent \
to further use or redisclose the record (see 42 CFR 2.31).";
const STATEMENT_2: &str = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";

/// Files that leave without this decision, with the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "getReport",
    "image/svg+xml",
    "a chart for a screen: the numbers that JSON shows to the same caller, and no client",
)];

/// The records that the operations refer to.
struct Records {
    case: String,
    client: String,
    statement: String,
}

impl Records {
    async fn make(ana: &User<'_>, supervisor: &User<'_>) -> Self {
        let case = active_case(ana, supervisor).await;
        let client = ana.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned();
        ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "The fee."}))
            .await
            .expect(201);
        let statement = ana
            .post(&format!("/clients/{client}/statements"), json!({"sections": {"needs": "Time to read."}}))
            .await
            .expect(201)
            .id();
        let approval = json!({"approved_by": "client", "method": "in_person"});
        ana.post(&format!("/statements/{statement}/approve"), approval).await.expect(201);
        Self { case, client, statement }
    }

    /// The request of an operation for a format, without the reason; its name in the list of exports; and whether it
    /// contains the client's record.
    fn question(&self, operation: &str, media: &str) -> Option<(String, &'static str, bool)> {
        let format = match media {
            "application/pdf" => "pdf",
            "text/html" => "html",
            "text/csv" => "csv",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
            _ => return None,
        };
        let (path, what, holds_records) = match operation {
            "printCaseFile" => {
                (format!("/cases/{}/file/print?for=client&format={format}", self.case), "case_file", true)
            }
            "printStatement" => {
                (format!("/statements/{}/print?for=client&format={format}", self.statement), "statement", true)
            }
            "getReport" => (format!("/reports/barriers_open?format={format}"), "barriers_open", false),
            "listReportRecords" => (format!("/reports/barriers_open/records?format={format}"), "barriers_open", true),
            _ => return None,
        };
        Some((path, what, holds_records))
    }
}

async fn exports(server: &TestServer) -> Vec<Value> {
    pages(&server.user(Role::Auditor), "/exports?sort=at", 50).await
}

/// A file as it is sent, and its headers.
async fn file(user: &User<'_>, path: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let reply = user
        .server
        .http
        .get(format!("{}/api/v1{path}", user.server.base))
        .bearer_auth(user.token())
        .send()
        .await
        .unwrap();
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    let bytes = reply.bytes().await.unwrap().to_vec();
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&bytes));
    (headers, bytes)
}
async fn page(user: &User<'_>, path: &str) -> String {
    String::from_utf8(file(user, path).await.1).unwrap()
}
fn has(file: &[u8], words: &str) -> bool {
    file.windows(words.len()).any(|window| window == words.as_bytes())
}
/// The beginnings of the titles in the properties of a PDF.
fn titles(file: &[u8]) -> Vec<String> {
    let at = |name: &[u8]| {
        file.windows(name.len()).enumerate().filter(|(_, window)| *window == name).map(|(at, _)| at).collect::<Vec<_>>()
    };
    let all = at(b"/Title(").into_iter().chain(at(b"<dc:title>"));
    all.map(|at| String::from_utf8_lossy(&file[at..(at + 90).min(file.len())]).into_owned()).collect()
}
/// The text as it is escaped in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('\'', "&#39;")
}

const TO_CLINIC: &str =
    "for=recipient&recipient=Riverside+Clinic%2C+1+River+Road&purpose=treatment&reason=The+clinic+asks+for+it";

on_both_engines! {
    every_file_download_goes_through_the_export_gate,
    export_list_shows_recipient_purpose_and_clients,
    export_list_gives_only_the_number_of_many_clients,
    reading_the_export_list_leaves_an_audit_entry,
    print_requires_audience_recipient_and_purpose,
    each_copy_carries_the_notice_for_its_audience,
    file_names_and_titles_contain_no_personal_data,
    record_list_has_the_notice_in_csv_and_workbook,
    record_list_requires_a_live_session,
    pdf_in_an_unsupported_script_is_refused_and_html_is_served,
}

/// This includes future operations: every operation that the OpenAPI document offers in a format other than JSON must
/// be in this test or among the exceptions.
async fn every_file_download_goes_through_the_export_gate(server: &TestServer) {
    let (ana, supervisor, stale) = (
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user_with_old_password_entry(Role::Supervisor),
    );
    let stranger = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    let records = Records::make(&ana, &supervisor).await;
    stranger
        .post("/break-glass", json!({"case_id": records.case, "reason": "The lead cannot be reached."}))
        .await
        .expect(201);
    let mut seen = 0;
    for item in DOC["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            let replies =
                operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
            let media: BTreeSet<&str> = replies
                .flat_map(|(_, reply)| reply["content"].as_object())
                .flatten()
                .map(|(media, _)| media.as_str())
                .collect();
            for media in media
                .into_iter()
                .filter(|media| !media.starts_with("application/json") && *media != "application/problem+json")
            {
                if EXCEPTIONS.iter().any(|(operation, form, _)| (*operation, *form) == (id, media)) {
                    continue;
                }
                let (path, what, holds_records) = records
                    .question(id, media)
                    .unwrap_or_else(|| panic!("{id} answers {media}: test it here, or say why it is an exception"));
                let ask = |reason: &str| format!("{path}{}reason={reason}", if path.contains('?') { '&' } else { '?' });
                let before = exports(server).await;
                // Without a recent password entry, without a reason, and with a reason that is too short.
                assert_eq!(
                    stale.get(&ask("A+look+at+each")).await.expect(403).body["code"],
                    "reauthentication_required",
                    "{id} {media}"
                );
                supervisor.get(&path).await.expect_fault(400, "reason", "required");
                supervisor.get(&ask("why")).await.expect_fault(400, "reason", "too_short");
                supervisor.get(&ask("+++++++")).await.expect(400);
                // With break-glass access.
                let by_break_glass = stranger.get(&ask("A+look+at+each")).await;
                let tried = if matches!(id, "getReport" | "listReportRecords") {
                    // These count the records of the caller's own teams, and break-glass access opens one case by its
                    // id only.
                    assert_eq!(by_break_glass.status, 200, "{id}");
                    assert!(!by_break_glass.body.to_string().contains(&records.case), "{id} {media}");
                    let mine = exports(server).await.pop().unwrap();
                    assert_eq!(
                        (&mine["user_id"], &mine["client_count"]),
                        (&json!(stranger.id()), &json!(0)),
                        "{id} {media}"
                    );
                    1
                } else {
                    assert_eq!(by_break_glass.expect(403).body["code"], "forbidden", "{id} {media}");
                    0
                };
                assert_eq!(
                    exports(server).await.len(),
                    before.len() + tried,
                    "{id} {media}: what was refused is no export"
                );
                // A successful export leaves a row and an audit entry.
                let (headers, bytes) = file(&supervisor, &ask("A+look+at+each")).await;
                assert!(
                    !bytes.is_empty() && headers["content-type"].to_str().unwrap().starts_with(media),
                    "{id} {media}"
                );
                assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment; "), "{id} {media}");
                let after = exports(server).await;
                assert_eq!(after.len(), before.len() + tried + 1, "{id} {media}");
                let export = after.last().unwrap();
                assert_eq!(
                    (&export["what"], &export["reason"], &export["user_id"]),
                    (&json!(what), &json!("A look at each"), &json!(supervisor.id())),
                    "{id} {media}"
                );
                let clients = if holds_records { json!([records.client]) } else { json!([]) };
                assert_eq!(
                    (&export["client_ids"], export["basis"].is_string()),
                    (&clients, true),
                    "{id} {media}: {export}"
                );
                let entries = pages(&server.user(Role::Auditor), "/audit-events?action=export.made", 200).await;
                let entry = entries
                    .iter()
                    .find(|entry| entry["subject_id"] == export["id"])
                    .unwrap_or_else(|| panic!("{id} {media} has no entry"));
                assert_eq!(entry["actor_id"], json!(supervisor.id()));
                assert!(entry["fields"].as_array().unwrap().contains(&json!(what)), "{entry}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 9, "three forms of reports, two of each print, two of records");
}

async fn export_list_shows_recipient_purpose_and_clients(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (records, other) = (Records::make(&ana, &supervisor).await, Records::make(&ana, &supervisor).await);
    let (file_of, statement_of) =
        (format!("/cases/{}/file/print", records.case), format!("/statements/{}/print", records.statement));
    for path in [&file_of, &statement_of] {
        file(&ana, &format!("{path}?format=html&{TO_CLINIC}&basis=consent")).await;
        file(&ana, &format!("{path}?format=html&for=client&reason=Sam+asks+for+it")).await;
        file(&ana, &format!("{path}?format=html&for=internal&reason=For+the+review")).await;
    }
    let purpose = "purpose=other&purpose_text=Advice+on+the+lease&reason=For+their+advice";
    file(&ana, &format!("{file_of}?format=html&for=recipient&recipient=Legal+aid&{purpose}")).await;
    file(&supervisor, "/reports/barriers_open/records?reason=A+look+at+each").await;
    file(&supervisor, "/reports/barriers_open?format=csv&view=protected&reason=For+the+board").await;
    file(&supervisor, "/reports/barriers_open?format=csv&view=exact&reason=For+the+team").await;
    let all = exports(server).await;
    let observed: Vec<Value> = all
        .iter()
        .map(|export| {
            json!([
                export["what"],
                export["for"],
                export["recipient"],
                export["purpose"],
                export["purpose_text"],
                export["basis"],
                export["notice"],
                export["client_count"]
            ])
        })
        .collect();
    let clinic = "Riverside Clinic, 1 River Road";
    let of_print = |what: &str| {
        [
            json!([what, "recipient", clinic, "treatment", null, "consent", "part2-2024-1", 1]),
            json!([what, "client", null, null, null, "client_access", null, 1]),
            json!([what, "internal", null, null, null, "internal_use", "part2-2024-2", 1]),
        ]
    };
    let mut expected: Vec<Value> = of_print("case_file").into_iter().chain(of_print("statement")).collect();
    expected.push(json!([
        "case_file",
        "recipient",
        "Legal aid",
        "other",
        "Advice on the lease",
        "not_recorded",
        "part2-2024-1",
        1
    ]));
    expected.push(json!(["barriers_open", "internal", null, null, null, "internal_use", "part2-2024-1", 2]));
    expected.push(json!(["barriers_open", null, null, null, null, "deidentified", null, 0]));
    expected.push(json!(["barriers_open", null, null, null, null, "internal_use", null, 0]));
    assert_eq!(observed, expected);
    assert_eq!(
        all[7]["client_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect::<BTreeSet<_>>(),
        BTreeSet::from([records.client.as_str(), &other.client])
    );

    // By client: exports that contain a record of that client, and no others.
    let auditor = server.user(Role::Auditor);
    for (client, many) in [(&records.client, 8), (&other.client, 1), (&TestServer::unknown_id(), 0)] {
        let theirs = pages(&auditor, &format!("/exports?client_id={client}"), 50).await;
        assert_eq!(theirs.len(), many, "{client}");
        assert!(theirs.iter().all(|export| export["client_ids"].as_array().unwrap().contains(&json!(client))));
    }
    assert_eq!(auditor.get("/exports?client_id=me").await.expect(400).body["code"], "invalid_parameter");
    assert!(
        pages(&server.user_of_other_org(Role::Auditor), &format!("/exports?client_id={}", records.client), 50)
            .await
            .is_empty()
    );
    // The two clients were one person: after the merge, both ids lead to the exports of either.
    let merge = json!({"into": records.client, "statements_of": records.client});
    supervisor.post(&format!("/clients/{}/merge", other.client), merge).await.expect(201);
    for client in [&records.client, &other.client] {
        assert_eq!(pages(&auditor, &format!("/exports?client_id={client}"), 50).await.len(), 8);
    }
    // The audit log has codes and counts, and no text by users.
    let log = json!(pages(&auditor, "/audit-events?sort=sequence", 200).await).to_string();
    assert!(
        log.contains("purpose=treatment")
            && log.contains("basis=consent")
            && log.contains("clients=2")
            && log.contains("for=recipient")
    );
    assert!(!log.contains("Riverside") && !log.contains("lease") && !log.contains("asks for it"), "{log}");
    // The recorded exports cannot be changed.
    for sql in ["UPDATE export_clients SET client_id = client_id", "DELETE FROM export_clients"] {
        if server.engine == crate::support::database::Engine::Sqlite {
            assert!(server.database.open().batch_execute(sql).unwrap_err().to_string().contains("append-only"));
        }
    }
}

async fn export_list_gives_only_the_number_of_many_clients(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut clients = Vec::new();
    for _ in 0..51 {
        let case = ana.new_case().await;
        clients.push(ana.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned());
        ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "The fee."}))
            .await
            .expect(201);
    }
    supervisor.get("/reports/barriers_open/records?reason=A+look+at+each").await.expect(200);
    let export = exports(server).await.pop().unwrap();
    assert_eq!((&export["client_count"], export.get("client_ids")), (&json!(51), None));
    for client in [&clients[0], &clients[50]] {
        assert_eq!(
            server.user(Role::Auditor).get(&format!("/exports?client_id={client}")).await.expect(200).body["items"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
    use alongside::db::schema::export_clients;
    let rows: i64 = export_clients::table.count().get_result(&mut server.database.open()).unwrap();
    assert_eq!(rows, 51);
}

async fn reading_the_export_list_leaves_an_audit_entry(server: &TestServer) {
    let (ana, supervisor, auditor) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Auditor));
    let entries = async || {
        let entries = pages(&server.user(Role::Auditor), "/audit-events?action=export.listed&sort=sequence", 200).await;
        entries.into_iter().filter(|entry| entry["actor_id"] == json!(auditor.id())).collect::<Vec<_>>()
    };
    auditor.get("/exports").await.expect(200);
    assert_eq!(entries().await.len(), 1, "that there is none is observed too");
    let records = Records::make(&ana, &supervisor).await;
    file(&ana, &format!("/statements/{}/print?for=client&reason=Sam+asks+for+it", records.statement)).await;
    let listed = auditor.get("/exports").await.expect(200).body["items"].clone();
    let entries = entries().await;
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1]["subject_ids"], json!([listed[0]["id"]]));
    let nobody = TestServer::unknown_id();
    auditor.get(&format!("/exports?client_id={nobody}")).await.expect(200);
    let asked = pages(&server.user(Role::Auditor), "/audit-events?action=export.listed", 200).await;
    assert!(asked.iter().any(|entry| entry["fields"] == json!([format!("client_id={nobody}")])), "{asked:?}");
}

async fn print_requires_audience_recipient_and_purpose(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let records = Records::make(&ana, &supervisor).await;
    for path in [format!("/cases/{}/file/print", records.case), format!("/statements/{}/print", records.statement)] {
        let reason = "reason=The+clinic+asks";
        for (query, at, code) in [
            ("", "for", "required"),
            ("for=press", "for", "invalid"),
            ("reader=client", "reader", "unknown_parameter"),
            ("for=recipient", "recipient", "required"),
            ("for=recipient&recipient=Clinic", "purpose", "required"),
            ("for=recipient&recipient=Clinic&purpose=nonsense", "purpose", "invalid"),
            ("for=recipient&recipient=Clinic&purpose=other", "purpose_text", "required"),
            ("for=recipient&recipient=Clinic&purpose=client_access", "purpose", "not_for_this_audience"),
            ("for=recipient&recipient=Clinic&purpose=housing&basis=internal_use", "basis", "not_for_this_audience"),
            ("for=recipient&recipient=Clinic&purpose=housing&basis=deidentified", "basis", "not_for_this_audience"),
            ("for=recipient&recipient=Court&purpose=proceeding", "basis", "required"),
            ("for=recipient&recipient=Court&purpose=proceeding&basis=agreement", "basis", "required"),
            ("for=client&recipient=Clinic", "recipient", "not_for_this_audience"),
            ("for=internal&purpose=housing", "purpose", "not_for_this_audience"),
            ("for=client&basis=consent", "basis", "not_for_this_audience"),
            ("for=internal&purpose_text=x", "purpose_text", "not_for_this_audience"),
        ] {
            ana.get(&format!("{path}?{query}&{reason}")).await.expect_fault(400, at, code);
        }
        ana.get(&format!(
            "{path}?for=recipient&recipient=Court&purpose=proceeding&basis=court_order&format=html&{reason}"
        ))
        .await
        .expect(200);
    }
    assert_eq!(exports(server).await.len(), 2, "what was refused is no export");
    // A draft is not approved yet, and a case that was entered in error may be another person's.
    let draft = ana
        .post(&format!("/clients/{}/statements", records.client), json!({"sections": {"needs": "Quiet."}}))
        .await
        .expect(201)
        .id();
    ana.get(&format!("/statements/{draft}/print?{TO_CLINIC}")).await.expect(409);
    ana.get(&format!("/statements/{draft}/print?for=client&reason=Sam+asks+for+it")).await.expect(200);
    server
        .user(Role::Admin)
        .transition(&records.case, json!({"to": "entered_in_error", "reason": "The wrong person."}))
        .await
        .expect(201);
    supervisor.get(&format!("/cases/{}/file/print?{TO_CLINIC}", records.case)).await.expect(409);
    supervisor.get(&format!("/cases/{}/file/print?for=internal&reason=For+the+review", records.case)).await.expect(200);
}

async fn each_copy_carries_the_notice_for_its_audience(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let records = Records::make(&ana, &supervisor).await;
    let internal = format!("Not for anybody outside {}.", server.org.name);
    for path in [
        format!("/cases/{}/file/print?format=html", records.case),
        format!("/statements/{}/print?format=html", records.statement),
    ] {
        let outside = page(&ana, &format!("{path}&{TO_CLINIC}")).await;
        let (first, rest) = outside.split_once("<h2>").unwrap();
        for part in [
            &escaped(STATEMENT_1),
            "For: Riverside Clinic, 1 River Road\n",
            "Purpose: Treatment\n",
            "Date: ",
            "Basis: Not recorded.",
        ] {
            assert!(first.contains(part), "{part} does not stand before the content: {first}");
        }
        assert!(rest.contains(&format!("<tfoot>\n<tr><td>{STATEMENT_2}</td></tr>\n</tfoot>")), "{rest}");
        assert!(!outside.contains("Not for anybody outside") && !outside.contains(REASON));

        let inside = page(&ana, &format!("{path}&for=internal&reason=For+the+review")).await;
        assert!(inside.contains(&format!("<p class=\"notice\" dir=\"auto\">{internal}</p>")), "{inside}");
        assert!(inside.contains(&format!("<tfoot>\n<tr><td>{internal} {STATEMENT_2}</td></tr>")), "{inside}");
        assert!(!inside.contains("disclosed to you"));

        let own = page(&ana, &format!("{path}&for=client&reason=Sam+asks+for+it")).await;
        assert!(!own.contains("42 CFR") && !own.contains("anybody outside") && !own.contains("<tfoot>"), "{own}");
    }
}

async fn file_names_and_titles_contain_no_personal_data(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let records = Records::make(&ana, &supervisor).await;
    let number = ana.get(&format!("/cases/{}", records.case)).await.body["case_number"].as_str().unwrap().to_owned();
    for (path, extension) in [
        (format!("/cases/{}/file/print?format=pdf&{TO_CLINIC}", records.case), "pdf"),
        (format!("/cases/{}/file/print?format=html&for=internal&reason=For+the+review", records.case), "html"),
        (format!("/statements/{}/print?format=pdf&for=client&reason=Sam+asks+for+it", records.statement), "pdf"),
        (format!("/statements/{}/print?format=html&{TO_CLINIC}", records.statement), "html"),
        ("/reports/barriers_open/records?format=csv&reason=A+look+at+each".to_owned(), "csv"),
        ("/reports/barriers_open/records?format=xlsx&reason=A+look+at+each".to_owned(), "xlsx"),
    ] {
        let (headers, bytes) = file(&supervisor, &path).await;
        let name = headers["content-disposition"].to_str().unwrap();
        let mark = name
            .strip_prefix("attachment; filename=\"document-")
            .and_then(|rest| rest.strip_suffix(&format!(".{extension}\"")));
        let mark = mark.unwrap_or_else(|| panic!("{name}"));
        assert!(mark.len() == 4 && mark.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)), "{name}");
        // The mark leads to the export in the list.
        let export = exports(server).await.pop().unwrap();
        assert!(export["id"].as_str().unwrap().to_uppercase().ends_with(mark), "{export}");
        match extension {
            "pdf" => {
                // The headings are content and are in the file for screen readers; the properties contain only the
                // mark.
                let titles = titles(&bytes);
                assert!(
                    !titles.is_empty() && titles.iter().all(|title| title.contains(&format!("Document {mark}"))),
                    "{titles:?}"
                );
                assert!(
                    !has(&bytes, "(Sam")
                        && titles.iter().all(|title| !title.contains("need") && !title.contains(&number)),
                    "{titles:?}"
                );
            }
            "html" => assert!(String::from_utf8(bytes).unwrap().contains(&format!("<title>Document {mark}</title>"))),
            _ => {}
        }
    }
}

async fn record_list_has_the_notice_in_csv_and_workbook(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let records = Records::make(&ana, &supervisor).await;
    let list = "/reports/barriers_open/records?reason=A+look+at+each";
    let (_, text) = file(&supervisor, list).await;
    assert!(text.starts_with(b"\xEF\xBB\xBFcase_number,client,"), "a byte-order mark, and then the header");
    let lines: Vec<csv::StringRecord> = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(false)
        .from_reader(&text[..])
        .records()
        .map(Result::unwrap)
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[1][1], &lines[1][lines[1].len() - 2]), ("Sam", "1"));
    let notice = lines.last().unwrap();
    assert_eq!(
        (&notice[0], &notice[1], &notice[2]),
        ("NOTICE", STATEMENT_1, format!("Not for anybody outside {}.", server.org.name).as_str())
    );
    assert!(notice.iter().skip(3).all(str::is_empty));
    // The same for an empty list.
    let elsewhere = server.user_in(&server.org, &[server.new_team("Hill side")], Role::Supervisor);
    let (_, empty) = file(&elsewhere, list).await;
    assert_eq!(csv::ReaderBuilder::new().has_headers(false).from_reader(&empty[..]).records().count(), 2);

    for (path, headers) in [
        (format!("{list}&format=xlsx"), vec![]),
        (list.to_owned(), vec![("accept", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")]),
    ] {
        let mut request = server.http.get(format!("{}/api/v1{path}", server.base)).bearer_auth(supervisor.token());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let book = request.send().await.unwrap().bytes().await.unwrap();
        let part = |name: &str| {
            use std::io::Read as _;
            let mut text = String::new();
            zip::ZipArchive::new(std::io::Cursor::new(&book[..]))
                .unwrap()
                .by_name(name)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            text
        };
        let (sheet, texts) = (part("xl/worksheets/sheet1.xml"), part("xl/sharedStrings.xml"));
        assert!(sheet.contains("Sam") || texts.contains("Sam"));
        assert!(sheet.contains(&STATEMENT_2.replace('&', "&amp;&amp;")), "at the foot of each page");
        for line in STATEMENT_1.split('\n') {
            assert!(texts.contains(line), "{line}: {texts}");
        }
        assert!(part("xl/workbook.xml").contains("name=\"Notice\""));
        assert!(!part("docProps/core.xml").contains("Sam") && !part("docProps/app.xml").contains("barriers"));
    }
    supervisor.get(&format!("{list}&format=pdf")).await.expect_fault(400, "format", "invalid");
    supervisor.send("GET", list, &[("accept", "application/pdf")], None).await.expect(406);
    let log = supervisor.get(&format!("/clients/{}/access-log", records.client)).await.expect(200).body;
    assert!(log["items"].as_array().unwrap().iter().any(|entry| entry["action"] == "case.exported"), "{log:#}");
}

/// A reader who is locked out while a workbook is generated or sent gets no complete one.
async fn record_list_requires_a_live_session(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    Records::make(&ana, &supervisor).await;
    supervisor.get("/reports/barriers_open/records?format=xlsx&reason=A+look+at+each").await.expect(200);
    supervisor.post("/auth/logout", json!({})).await;
    for format in ["csv", "xlsx"] {
        supervisor
            .get(&format!("/reports/barriers_open/records?format={format}&reason=A+look+at+each"))
            .await
            .expect(401);
    }
}

async fn pdf_in_an_unsupported_script_is_refused_and_html_is_served(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    for (words, script) in [
        ("我需要时间阅读", "Chinese"),
        ("시간이 필요해요", "Korean"),
        ("मुझे समय चाहिए", "Hindi"),
        ("ฉันต้องการเวลา", "Thai"),
        ("ጊዜ እፈልጋለሁ", "Amharic"),
        ("အချိန်လိုတယ်", "Burmese"),
    ] {
        let case = active_case(&ana, &supervisor).await;
        ana.patch(&format!("/cases/{case}"), "*", json!({"client_goal": words})).await.expect(200);
        let client = ana.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned();
        let statement = ana
            .post(&format!("/clients/{client}/statements"), json!({"sections": {"needs": words}}))
            .await
            .expect(201)
            .id();
        for path in [format!("/cases/{case}/file/print"), format!("/statements/{statement}/print")] {
            let before = exports(server).await.len();
            let path = format!("{path}?for=client&reason=Sam+asks+for+it");
            let refused = ana.get(&format!("{path}&format=pdf")).await.expect(406).body;
            let detail = refused["detail"].as_str().unwrap();
            assert_eq!(refused["code"], "format_cannot_show_text");
            assert!(detail.contains(script) && detail.contains("format=html"), "{detail}");
            assert_eq!(exports(server).await.len(), before, "what was not sent is no export");
            assert!(page(&ana, &format!("{path}&format=html")).await.contains(words));
        }
    }
    // A report names the workbook instead, because it has no HTML.
    let provider = ana.post("/providers", json!({"name": "河边诊所"})).await.expect(201).id();
    let case = active_case(&ana, &supervisor).await;
    ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d", "provider_id": provider}))
        .await
        .expect(201);
    let report = "/reports/barriers_open?group_by=provider&view=exact&reason=For+the+board";
    let refused = supervisor.get(&format!("{report}&format=pdf")).await.expect(406).body;
    assert_eq!(
        (&refused["code"], refused["detail"].as_str().unwrap().contains("format=xlsx")),
        (&json!("format_cannot_show_text"), true)
    );
    supervisor.get(&format!("{report}&format=xlsx")).await.expect(200);
    // Text that the fonts have is drawn, and a symbol that they lack does not block a page.
    let client = ana.new_client().await;
    let words = json!({
        "sections": {"needs": "أحتاج إلى وقت للقراءة", "helps": "Мне нужно время 😀", "words_to_avoid": "אני צריך זמן"},
    });
    let statement = ana.post(&format!("/clients/{client}/statements"), words).await.expect(201).id();
    let (_, bytes) =
        file(&ana, &format!("/statements/{statement}/print?format=pdf&for=client&reason=Sam+asks+for+it")).await;
    assert!(bytes.starts_with(b"%PDF-1.7"));
}
