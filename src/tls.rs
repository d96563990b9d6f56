//! TLS of our own (HT-11): 1.2 and 1.3 by rustls, with forward secrecy alone, and a certificate that is exchanged while
//! connections go on.

use crate::auth::signing_keys::shared;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

const CHAIN: &str = "tls_certificate";
const KEY: &str = "tls_key";
/// A chain of certificates has a few thousand bytes.
const LARGEST: u64 = 1024 * 1024;

/// The certificate that is shown to whoever connects now, and where it is from.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    shown: RwLock<Arc<CertifiedKey>>,
    /// What stood in the two files when they were last looked at: whether good or bad, it is tried once.
    seen: Mutex<Result<Pair, String>>,
}

/// The two files, as they are.
#[derive(PartialEq, Eq)]
struct Pair {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.chain.display())
    }
}

impl Certificate {
    /// Reads the certificate, with those that it hangs on after it, and its key: PEM files, the key its owner's alone.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, String> {
        let pair = Pair::read(chain, key)?;
        let shown = RwLock::new(Arc::new(pair.parse(chain, key)?));
        Ok(Self { chain: chain.to_owned(), key: key.to_owned(), shown, seen: Mutex::new(Ok(pair)) })
    }

    /// Looks whether the files are others, and shows the new certificate from now on; one that is no good is told to
    /// the log, and the old one stays. Not for a thread that answers.
    pub fn look_again(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = Pair::read(&self.chain, &self.key);
        if *seen == found {
            return;
        }
        match found.as_ref().map_err(String::clone).and_then(|pair| pair.parse(&self.chain, &self.key)) {
            Ok(new) => {
                *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                tracing::info!(certificate = ?self, "the certificate has changed");
            }
            Err(fault) => tracing::error!("{fault}: the certificate before it is kept"),
        }
        *seen = found;
    }
}

impl Pair {
    fn read(chain: &Path, key: &Path) -> Result<Self, String> {
        let read = |setting: &str, file: &Path| {
            let metadata = fs::metadata(file).map_err(|e| format!("{setting} = {}: {e}", file.display()))?;
            if setting == KEY && shared(&metadata, 0o077) {
                return Err(format!("{setting} = {}: others may read it: set its mode to 0600", file.display()));
            }
            if !metadata.is_file() || metadata.len() > LARGEST {
                return Err(format!("{setting} = {}: is no PEM file", file.display()));
            }
            fs::read(file).map_err(|e| format!("{setting} = {}: {e}", file.display()))
        };
        Ok(Self { chain: read(CHAIN, chain)?, key: read(KEY, key)? })
    }

    fn parse(&self, chain: &Path, key: &Path) -> Result<CertifiedKey, String> {
        let invalid = |setting: &str, file: &Path, what: &dyn std::fmt::Display| {
            format!("{setting} = {}: {what}", file.display())
        };
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.chain).collect();
        let certificates = certificates.map_err(|e| invalid(CHAIN, chain, &e))?;
        if certificates.is_empty() {
            return Err(invalid(CHAIN, chain, &"holds no certificate"));
        }
        let private = PrivateKeyDer::from_pem_slice(&self.key).map_err(|e| invalid(KEY, key, &e))?;
        // Whether the two belong together is looked at too.
        CertifiedKey::from_der(certificates, private, &provider())
            .map_err(|e| invalid(CHAIN, chain, &format!("with {}: {e}", key.display())))
    }
}

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

/// How a server speaks TLS. The suites that rustls has are AEADs with an ephemeral exchange, every one.
pub fn server_config(certificate: Arc<Certificate>) -> Result<ServerConfig, rustls::Error> {
    let builder =
        ServerConfig::builder_with_provider(Arc::new(provider())).with_protocol_versions(&[&TLS13, &TLS12])?;
    Ok(builder.with_no_client_auth().with_cert_resolver(certificate))
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, pki_types::ServerName};
    use std::net::{SocketAddr, TcpStream};

    /// The two files of a certificate that has signed itself, and the certificate.
    pub fn files(folder: &Path) -> (PathBuf, PathBuf, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let files = (folder.join("chain.pem"), folder.join("key.pem"));
        for (file, kind, der) in [
            (&files.0, "CERTIFICATE", made.cert.der().to_vec()),
            (&files.1, "PRIVATE KEY", made.signing_key.serialize_der()),
        ] {
            fs::write(file, format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der)))
                .unwrap();
            #[cfg(unix)]
            fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        }
        (files.0, files.1, made.cert.der().clone())
    }

    /// Connects as somebody who knows the certificate.
    pub fn shake_hands(place: SocketAddr, known: CertificateDer<'static>) {
        let mut roots = RootCertStore::empty();
        roots.add(known).unwrap();
        let builder =
            ClientConfig::builder_with_provider(Arc::new(provider())).with_protocol_versions(&[&TLS13]).unwrap();
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        let mut client = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
        let mut socket = TcpStream::connect(place).unwrap();
        while client.is_handshaking() {
            client.complete_io(&mut socket).unwrap();
        }
    }

    #[test]
    fn every_suite_keeps_what_was_said_before_from_whoever_finds_the_key_later() {
        for suite in provider().cipher_suites {
            let name = format!("{:?}", suite.suite());
            assert!(name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_"), "{name}");
        }
    }
}
