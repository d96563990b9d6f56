//! TLS in this server (HT-11): versions 1.2 and 1.3 with rustls, only with forward secrecy, and with a certificate that
//! is replaced while connections stay open.

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
/// The size limit of the files. A certificate chain has a few thousand bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The certificate for new connections, and its files.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    /// The contents of the two files at the last check. Whether valid or not, they are tried only once.
    last_read: Mutex<Result<Pair, String>>,
}

/// The contents of the two files.
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
    /// Reads the certificate, followed by its intermediate certificates, and its key: PEM files, and only the owner may
    /// access the key.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, String> {
        let pair = Pair::read(chain, key)?;
        let current = RwLock::new(Arc::new(pair.parse(chain, key)?));
        Ok(Self { chain: chain.to_owned(), key: key.to_owned(), current, last_read: Mutex::new(Ok(pair)) })
    }

    /// Reloads the files if they have changed, and uses the new certificate from now on. An invalid one is logged, and
    /// the old one stays. Do not call it on a thread that answers requests.
    pub fn reload(&self) {
        let mut last_read = self.last_read.lock().unwrap_or_else(PoisonError::into_inner);
        let found = Pair::read(&self.chain, &self.key);
        if *last_read == found {
            return;
        }
        match found.as_ref().map_err(String::clone).and_then(|pair| pair.parse(&self.chain, &self.key)) {
            Ok(new) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                tracing::info!(certificate = ?self, "the certificate has changed");
            }
            Err(fault) => tracing::error!("{fault}: the certificate before it is kept"),
        }
        *last_read = found;
    }
}

impl Pair {
    fn read(chain: &Path, key: &Path) -> Result<Self, String> {
        let read = |setting: &str, file: &Path| {
            let metadata = fs::metadata(file).map_err(|e| format!("{setting} = {}: {e}", file.display()))?;
            if setting == KEY && shared(&metadata, 0o077) {
                return Err(format!("{setting} = {}: others may read it: set its mode to 0600", file.display()));
            }
            if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
                return Err(format!("{setting} = {}: is not a regular file of at most 1 MiB", file.display()));
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
        // This also checks that the certificate and the key belong together.
        CertifiedKey::from_der(certificates, private, &provider())
            .map_err(|e| invalid(CHAIN, chain, &format!("with {}: {e}", key.display())))
    }
}

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

/// The TLS settings of the server. Every cipher suite of rustls is an AEAD with an ephemeral key exchange.
pub fn server_config(certificate: Arc<Certificate>) -> Result<ServerConfig, rustls::Error> {
    let builder =
        ServerConfig::builder_with_provider(Arc::new(provider())).with_protocol_versions(&[&TLS13, &TLS12])?;
    Ok(builder.with_no_client_auth().with_cert_resolver(certificate))
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, pki_types::ServerName};
    use std::net::{SocketAddr, TcpStream};

    /// The two files of a self-signed certificate, and the certificate.
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

    /// Connects as a client that trusts the certificate.
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
    fn every_cipher_suite_has_forward_secrecy() {
        for suite in provider().cipher_suites {
            let name = format!("{:?}", suite.suite());
            assert!(name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_"), "{name}");
        }
    }
}
