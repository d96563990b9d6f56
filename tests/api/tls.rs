//! TLS in the server (HT-11): which protocols are accepted and refused, and a certificate that is replaced while
//! connections stay open.

use crate::{
    logs::Program,
    on_both_engines,
    support::{PASSWORD, TestServer, harness::server_options},
};
use alongside::{app, auth::Role, tls::Certificate};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};
use serde_json::json;
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

/// A self-signed certificate and its key as PEM.
struct CertificateFiles {
    der: CertificateDer<'static>,
    chain: String,
    key: String,
}

fn make() -> CertificateFiles {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pem =
        |kind: &str, der: &[u8]| format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der));
    let der = made.cert.der().clone();
    CertificateFiles {
        chain: pem("CERTIFICATE", &der),
        key: pem("PRIVATE KEY", &made.signing_key.serialize_der()),
        der,
    }
}

/// Writes the two files; only the owner may access the key.
fn put(folder: &Path, chain: &str, key: &str) -> (PathBuf, PathBuf) {
    let files = (folder.join("chain.pem"), folder.join("key.pem"));
    std::fs::write(&files.0, chain).unwrap();
    std::fs::write(&files.1, key).unwrap();
    mode(&files.1, 0o600);
    files
}
fn mode(file: &Path, mode: u32) {
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

/// Starts a server with this certificate. Returns its address, and the object that reloads the files.
fn serve(server: &TestServer, made: &CertificateFiles, most_connections: usize) -> (String, Arc<Certificate>) {
    let (chain, key) = put(server.database.folder.path(), &made.chain, &made.key);
    let certificate = Arc::new(Certificate::load(&chain, &key).unwrap());
    let base = server.another_server_with_options(app::ServerOptions {
        tls: Some(Arc::clone(&certificate)),
        most_connections,
        ..server_options()
    });
    (base.trim_start_matches("http://").to_owned(), certificate)
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A client that trusts this certificate and uses these versions.
fn connect(place: &str, known: &CertificateDer<'static>, versions: &[&'static SupportedProtocolVersion]) -> Stream {
    let mut roots = RootCertStore::empty();
    roots.add(known.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let mut config =
        builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let socket = TcpStream::connect(place).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    StreamOwned::new(client, socket)
}

/// Requests `/livez` and returns the response, if there is one.
fn ask(stream: &mut Stream) -> std::io::Result<String> {
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut reply = String::new();
    while !reply.contains("\r\n\r\n") || !reply.ends_with('}') {
        let mut piece = [0; 4096];
        match stream.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => reply.push_str(std::str::from_utf8(&piece[..read]).unwrap()),
        }
    }
    Ok(reply)
}

/// The response to raw bytes.
fn raw(place: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(place).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(bytes).unwrap();
    let (mut reply, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        reply.extend_from_slice(&piece[..read]);
    }
    reply
}

/// The ClientHello of a client with this maximum version and these cipher suites.
fn hello(version: [u8; 2], suites: &[[u8; 2]]) -> Vec<u8> {
    let list = suites.concat();
    let extensions: Vec<u8> = [
        &[0, 10, 0, 6, 0, 4, 0, 29, 0, 23][..], // groups: x25519, secp256r1
        &[0, 13, 0, 6, 0, 4, 4, 3, 8, 4],       // signatures: ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256
        &[0, 11, 0, 2, 1, 0],                   // points, uncompressed
    ]
    .concat();
    let body = [
        &version[..],
        &[7; 32],
        &[0],
        &(list.len() as u16).to_be_bytes(),
        &list,
        &[1, 0],
        &(extensions.len() as u16).to_be_bytes(),
        &extensions,
    ]
    .concat();
    let message = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
    [&[22, 3, 1][..], &(message.len() as u16).to_be_bytes(), &message].concat()
}

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;

on_both_engines! {
    server_with_a_certificate_accepts_only_tls,
    new_certificate_is_used_for_new_connections_and_old_ones_continue,
    tls_connections_are_limited_and_silent_handshakes_time_out,
}

async fn server_with_a_certificate_accepts_only_tls(server: &TestServer) {
    let (made, ana) = (make(), server.user(Role::Advocate));
    let (place, _) = serve(server, &made, 100);
    for (versions, spoken) in [(&[&TLS12][..], "TLSv1_2"), (&[&TLS13], "TLSv1_3"), (&[&TLS12, &TLS13], "TLSv1_3")] {
        let mut stream = connect(&place, &made.der, versions);
        let reply = ask(&mut stream).unwrap();
        assert!(
            reply.starts_with("HTTP/1.1 200")
                && reply.contains("strict-transport-security: max-age=31536000; includeSubDomains\r\n"),
            "{reply}"
        );
        assert_eq!(
            (format!("{:?}", stream.conn.protocol_version().unwrap()), stream.conn.alpn_protocol()),
            (spoken.to_owned(), Some(&b"http/1.1"[..]))
        );
        let suite = format!("{:?}", stream.conn.negotiated_cipher_suite().unwrap().suite());
        assert!(suite.contains("ECDHE") || suite.starts_with("TLS13_"), "{suite}");
    }
    // Sign-in over TLS.
    let body = json!({"email": ana.email, "password": PASSWORD}).to_string();
    let mut stream = connect(&place, &made.der, &[&TLS13]);
    write!(
        stream,
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: \
         application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut reply = String::new();
    let _ = stream.read_to_string(&mut reply);
    assert!(reply.starts_with("HTTP/1.1 200") && reply.contains("access_token"), "{reply}");

    // ECDHE-ECDSA-AES128-GCM is accepted, so the following ones are refused only because of their change.
    let (ecdhe, rsa) = ([0xc0, 0x2b], [[0, 0x9c], [0, 0x2f], [0, 0x35], [0, 0x0a]]);
    assert_eq!(raw(&place, &hello([3, 3], &[ecdhe]))[0], HANDSHAKE);
    for version in [[3, 0], [3, 1], [3, 2]] {
        let reply = raw(&place, &hello(version, &[ecdhe, [0xc0, 0x09], [0, 0x2f]]));
        assert!(reply.first() == Some(&ALERT) && !reply.contains(&HANDSHAKE), "{version:?}: {reply:?}");
    }
    // No cipher suite without an ephemeral key exchange is accepted, and none with CBC.
    for suites in [&rsa[..], &[[0xc0, 0x09]], &[[0xc0, 0x23]]] {
        assert_eq!(raw(&place, &hello([3, 3], suites)).first(), Some(&ALERT), "{suites:?}");
    }
    // Plain HTTP is neither answered nor redirected.
    let reply = raw(&place, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(!reply.windows(4).any(|window| window == b"HTTP"), "{reply:?}");
}

async fn new_certificate_is_used_for_new_connections_and_old_ones_continue(server: &TestServer) {
    let (old, new) = (make(), make());
    let (place, certificate) = serve(server, &old, 100);
    let folder = server.database.folder.path();
    let mut first = connect(&place, &old.der, &[&TLS13]);
    ask(&mut first).unwrap();
    put(folder, &new.chain, &new.key);
    ask(&mut connect(&place, &old.der, &[&TLS13])).expect("nobody has looked yet");
    certificate.reload();
    assert!(ask(&mut connect(&place, &old.der, &[&TLS13])).is_err(), "the old one is shown");
    let mut second = connect(&place, &new.der, &[&TLS13]);
    ask(&mut second).unwrap();
    assert_eq!(second.conn.peer_certificates().unwrap()[0], new.der);
    // Invalid files change nothing, and valid files are noticed afterwards.
    let other = make();
    for (chain, key, bits) in [
        (&old.chain, &new.key, 0o600),
        (&old.chain, &old.key, 0o640),
        (&String::new(), &old.key, 0o600),
        (&"garbage".to_owned(), &old.key, 0o600),
        (&old.chain, &"garbage".to_owned(), 0o600),
    ] {
        let files = put(folder, chain, key);
        mode(&files.1, bits);
        for _ in 0..2 {
            certificate.reload();
        }
        ask(&mut connect(&place, &new.der, &[&TLS13])).unwrap();
    }
    std::fs::remove_file(folder.join("chain.pem")).unwrap();
    certificate.reload();
    ask(&mut connect(&place, &new.der, &[&TLS13])).unwrap();
    put(folder, &other.chain, &other.key);
    certificate.reload();
    ask(&mut connect(&place, &other.der, &[&TLS13])).unwrap();
    for stream in [&mut first, &mut second] {
        assert!(ask(stream).unwrap().starts_with("HTTP/1.1 200"), "a connection from before");
    }
}

async fn tls_connections_are_limited_and_silent_handshakes_time_out(server: &TestServer) {
    let made = make();
    let (place, _) = serve(server, &made, 4);
    let mut four: Vec<Stream> = (0..4).map(|_| connect(&place, &made.der, &[&TLS13])).collect();
    for stream in &mut four {
        ask(stream).unwrap();
    }
    let mut fifth = connect(&place, &made.der, &[&TLS13]);
    fifth.sock.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(ask(&mut fifth).is_err(), "a fifth is served");
    drop(fifth);
    ask(&mut four[0]).expect("an old one is not");
    four.clear();
    // Four clients never complete the handshake; after five seconds there is room again.
    let began = Instant::now();
    let mut silent: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(&place).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(200));
    ask(&mut connect(&place, &made.der, &[&TLS13])).unwrap();
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut byte = [0];
        assert!(matches!(stream.read(&mut byte), Ok(0) | Err(_)));
    }
    let waited = began.elapsed();
    assert!(waited > Duration::from_secs(4) && waited < Duration::from_secs(9), "{waited:?}");
}

/// The program itself notices it without a signal.
#[test]
fn running_server_reloads_a_new_certificate() {
    let (folder, old, new) = (tempfile::tempdir().unwrap(), make(), make());
    let (chain, key) = put(folder.path(), &old.chain, &old.key);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_alongside"));
    command
        .arg("serve")
        .env_remove("ALONGSIDE_TEST_POSTGRES")
        .env_remove("ALONGSIDE_DATABASE_URL")
        .env("ALONGSIDE_DATA_DIR", folder.path());
    command.env("ALONGSIDE_LISTEN", &free).env("ALONGSIDE_TLS_CERTIFICATE", chain).env("ALONGSIDE_TLS_KEY", key);
    let _program = Program(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut waits = (0..300).map(|_| std::thread::sleep(Duration::from_millis(100)));
    waits.find(|()| TcpStream::connect(&free).is_ok()).expect("the program did not start");
    let mut before = connect(&free, &old.der, &[&TLS13]);
    ask(&mut before).unwrap();
    put(folder.path(), &new.chain, &new.key);
    waits.find(|()| ask(&mut connect(&free, &new.der, &[&TLS13])).is_ok()).expect("it has not noticed");
    assert!(ask(&mut connect(&free, &old.der, &[&TLS13])).is_err());
    ask(&mut before).expect("a connection from before goes on");
}

/// The program's error for these settings; `None` if it accepts them.
fn check(folder: &Path, settings: &[(&str, &str)]) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alongside"));
    command
        .arg("check-config")
        .env("ALONGSIDE_DATA_DIR", folder)
        .env_remove("ALONGSIDE_TEST_POSTGRES")
        .env_remove("ALONGSIDE_DATABASE_URL");
    let done =
        command.envs(settings.iter().map(|(name, value)| (format!("ALONGSIDE_{name}"), *value))).output().unwrap();
    let observed = String::from_utf8(done.stderr).unwrap();
    (!done.status.success()).then_some(observed)
}

#[test]
fn unsafe_listen_tls_or_cors_settings_prevent_start() {
    let (folder, made) = (tempfile::tempdir().unwrap(), make());
    let (chain, key) = put(folder.path(), &made.chain, &made.key);
    let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
    let (here, everywhere) = (("LISTEN", "127.0.0.1:8080"), ("LISTEN", "0.0.0.0:8443"));
    let both = [("TLS_CERTIFICATE", chain), ("TLS_KEY", key)];
    for good in [
        vec![here],
        vec![everywhere, ("BEHIND_PROXY", "true")],
        vec![everywhere, both[0], both[1]],
        vec![here, both[0], both[1]],
        vec![here, ("CORS_ORIGINS", "https://app.example.org, http://localhost:3000")],
    ] {
        assert_eq!(check(folder.path(), &good), None, "{good:?}");
    }
    let missing = folder.path().join("nowhere.pem");
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let (_, others) = put(&other, &made.chain, &make().key);
    for (bad, named) in [
        (vec![everywhere], "listen = 0.0.0.0:8443"),
        (vec![here, both[0]], "tls_certificate and tls_key go together"),
        (vec![everywhere, both[1]], "tls_certificate and tls_key go together"),
        (vec![here, both[0], ("TLS_KEY", missing.to_str().unwrap())], missing.to_str().unwrap()),
        (vec![here, both[1], ("TLS_CERTIFICATE", missing.to_str().unwrap())], missing.to_str().unwrap()),
        (vec![here, ("CORS_ORIGINS", "https://app.example.org, *")], "* is no origin"),
        (vec![here, ("CORS_ORIGINS", "https://app.example.org/")], "https://app.example.org/ is no origin"),
        (vec![here, both[0], ("TLS_KEY", chain)], chain),
        (vec![here, both[0], ("TLS_KEY", others.to_str().unwrap())], others.to_str().unwrap()),
    ] {
        let observed = check(folder.path(), &bad).unwrap_or_else(|| panic!("{bad:?} is taken"));
        assert!(observed.contains(named) && observed.lines().count() == 1, "{observed}");
    }
    mode(key.as_ref(), 0o640);
    let observed = check(folder.path(), &[here, both[0], both[1]]).unwrap();
    assert!(observed.contains(key) && observed.contains("set its mode to 0600"), "{observed}");
}
