//! Keys that are added and retired, and files that are not keys.

use super::*;
use crate::auth::{Actor, token::Keys};

/// Wraps a seed as in RFC 8410: PKCS#8, version 1.
fn pkcs8(seed: &[u8]) -> Vec<u8> {
    [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20], seed].concat()
}
fn a_seed() -> Vec<u8> {
    let mut seed = vec![0; 32];
    aws_lc_rs::rand::fill(&mut seed).unwrap();
    seed
}
fn put(file: &Path, bytes: &[u8], mode: u32) {
    fs::write(file, bytes).unwrap();
    #[cfg(unix)]
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}
fn actor() -> Actor {
    Actor::somebody()
}
fn kids(keys: &Keys) -> Vec<String> {
    let jwks = serde_json::to_value(keys.jwks()).unwrap();
    jwks.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}
fn soon(seconds: i64) -> Instant {
    Instant::now().plus_seconds(seconds)
}

#[test]
fn single_key_of_an_older_installation_is_still_used() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join(FIRST), &pkcs8(&a_seed()), 0o600);
    let keys = Keys::load(folder.path()).unwrap();
    let (token, cursor) = (keys.mint(actor()).unwrap(), keys.cursor_keys().signing);
    assert!(!folder.path().join(FOLDER).exists(), "nothing is touched");
    // The key is the oldest of several, and is retired like any other.
    let (first, second) = (kids(&keys).remove(0), SigningKeys::add(folder.path(), Instant::now()).unwrap());
    keys.reload();
    assert_eq!(kids(&keys), [first.clone(), second.clone()]);
    assert!(
        keys.verify(&token).is_ok()
            && keys.cursor_keys().verifying.contains(&cursor)
            && keys.cursor_keys().signing != cursor
    );
    SigningKeys::retire(folder.path(), &first).unwrap();
    assert!(!folder.path().join(FIRST).exists());
    keys.reload();
    assert_eq!(kids(&keys), [second]);
}

#[test]
fn new_key_verifies_at_once_and_signs_from_its_start_time() {
    let folder = tempfile::tempdir().unwrap();
    SigningKeys::add(folder.path(), soon(-60)).unwrap();
    let (here, there) = (Keys::load(folder.path()).unwrap(), Keys::load(folder.path()).unwrap());
    let first = kids(&here).remove(0);
    let before = (here.mint(actor()).unwrap(), here.sign(b"words"));
    SigningKeys::add(folder.path(), soon(60)).unwrap();
    here.reload();
    assert_eq!(kids(&here).len(), 2);
    assert!(
        there.verify(&here.mint(actor()).unwrap()).is_ok(),
        "a server that has not reloaded still verifies the token"
    );
    let second = SigningKeys::add(folder.path(), Instant::now()).unwrap();
    here.reload();
    let after = here.mint(actor()).unwrap();
    assert!(there.verify(&after).is_err());
    there.reload();
    for keys in [&here, &there] {
        assert!(keys.verify(&before.0).is_ok() && keys.verify(&after).is_ok());
        assert!(
            keys.has_signed(b"words", &before.1, Instant::now())
                && !keys.has_signed(b"others", &before.1, Instant::now())
        );
    }
    assert!(SigningKeys::retire(folder.path(), &second).unwrap_err().contains("signs now"));
    assert!(SigningKeys::retire(folder.path(), "nobody").unwrap_err().contains(&first), "it says which there are");
    SigningKeys::retire(folder.path(), &first).unwrap();
    for keys in [&here, &there] {
        keys.reload();
        assert!(keys.verify(&before.0).is_err(), "although the result was cached");
        assert!(keys.verify(&after).is_ok());
        // Permanent signatures stay valid; a signature with a later time does not.
        assert!(keys.has_signed(b"words", &before.1, soon(-60)) && !keys.has_signed(b"words", &before.1, soon(60)));
    }
    // A server that starts now does not use the retired key, but still verifies its old signatures.
    let copy = Keys::load(folder.path()).unwrap();
    assert!(!kids(&copy).contains(&first) && copy.has_signed(b"words", &before.1, soon(-60)));
}

#[test]
fn restored_copy_of_a_retired_key_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    // Two keys of the same millisecond have no order.
    SigningKeys::add(folder.path(), soon(-60)).unwrap();
    let keys = Keys::load(folder.path()).unwrap();
    let (first, file) = (kids(&keys).remove(0), files(folder.path(), "pkcs8").unwrap().remove(0));
    let copy = fs::read(&file).unwrap();
    SigningKeys::add(folder.path(), Instant::now()).unwrap();
    SigningKeys::retire(folder.path(), &first).unwrap();
    put(&file, &copy, 0o600);
    assert!(!kids(&Keys::load(folder.path()).unwrap()).contains(&first));
    SigningKeys::retire(folder.path(), &first).unwrap();
    assert!(!file.exists());
}

#[test]
fn invalid_key_file_prevents_start_but_not_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::load(folder.path()).unwrap();
    let (token, rest) = (keys.mint(actor()).unwrap(), folder.path().join(FOLDER));
    let sample = |hex: &str| {
        pkcs8(&(0..32).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect::<Vec<_>>())
    };
    for (name, bytes, mode) in [
        ("20300101T000000.000Z-a.pkcs8", pkcs8(&a_seed()), 0o640),
        ("20300101T000000.000Z-a.pkcs8", pkcs8(&a_seed()), 0o604),
        ("20300101T000000.000Z-a.pkcs8", b"not a key".to_vec(), 0o600),
        ("20300101T000000.000Z-a.pkcs8", Vec::new(), 0o600),
        ("20300101T000000.000Z-a.pkcs8", vec![0x30; 100_000], 0o600),
        ("20300101T000000.000Z-a.pkcs8", pkcs8(&[0; 32]), 0o600),
        ("20300101T000000.000Z-a.pkcs8", pkcs8(b"changemechangemechangemechangeme"), 0o600),
        (
            "20300101T000000.000Z-a.pkcs8",
            sample("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
            0o600,
        ),
        (
            "20300101T000000.000Z-a.pkcs8",
            sample("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
            0o600,
        ),
        (
            "20300101T000000.000Z-a.pkcs8",
            sample("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"),
            0o600,
        ),
        (
            "20300101T000000.000Z-a.pkcs8",
            sample("d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"),
            0o600,
        ),
        ("mine.pkcs8", pkcs8(&a_seed()), 0o600),
        ("20301301T000000.000Z-a.pkcs8", pkcs8(&a_seed()), 0o600),
        ("20300101T000000.000Z-a.retired", b"not a key".to_vec(), 0o600),
    ] {
        let file = rest.join(name);
        put(&file, &bytes, mode);
        let fault = Keys::load(folder.path()).err().unwrap_or_else(|| panic!("{name} is taken"));
        assert!(fault.contains(file.to_str().unwrap()) && !fault.contains('\n'), "{fault}");
        keys.reload();
        assert!(kids(&keys).len() == 1 && keys.verify(&token).is_ok());
        fs::remove_file(file).unwrap();
    }
    // A key in memory stays when its file is damaged or the folder is missing.
    let file = files(folder.path(), "pkcs8").unwrap().remove(0);
    let was = fs::read(&file).unwrap();
    fs::write(&file, b"").unwrap();
    keys.reload();
    assert!(keys.verify(&token).is_ok() && Keys::load(folder.path()).is_err());
    fs::write(&file, was).unwrap();
    let away = folder.path().join("away");
    fs::rename(&rest, &away).unwrap();
    keys.reload();
    assert!(keys.verify(&token).is_ok());
    fs::rename(&away, &rest).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&rest, std::os::unix::fs::PermissionsExt::from_mode(0o770)).unwrap();
    assert!(Keys::load(folder.path()).err().unwrap().contains("others may put keys into it"));
}
