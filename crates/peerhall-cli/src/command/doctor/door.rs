//! Name, port and certificate.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::report::Line;
use super::target::Target;

/// How long a server may take to say anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A connection, over TLS or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The way to a server that was found to be open.
#[derive(Clone)]
pub(super) struct Door {
    address: SocketAddr,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Door {
    /// Opens another connection.
    pub(super) async fn open(&self) -> io::Result<Box<dyn Stream>> {
        let opening = async {
            let tcp = TcpStream::connect(self.address).await?;
            Ok(match &self.tls {
                Some((config, name)) => {
                    let connector = TlsConnector::from(Arc::clone(config));
                    Box::new(connector.connect(name.clone(), tcp).await?) as Box<dyn Stream>
                }
                None => Box::new(tcp),
            })
        };
        timeout(PATIENCE, opening).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

/// Which addresses the name has.
pub(super) async fn name(target: &Target) -> (Line, Vec<SocketAddr>) {
    let found = timeout(PATIENCE, lookup_host((target.host.as_str(), target.port))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    if addresses.is_empty() {
        let found = format!("{} has no address", target.host);
        let cure = "Correct the name in the URL, or give it an A or AAAA record in DNS.";
        return (Line::bad("name", found, cure), addresses);
    }
    let list: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    (Line::good("name", format!("{} is {}", target.host, list.join(", "))), addresses)
}

/// Whether somebody listens: the first address that answers is taken.
pub(super) async fn port(target: &Target, addresses: &[SocketAddr]) -> (Line, Option<SocketAddr>) {
    let mut refused = false;
    for address in addresses {
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(_)) => {
                let found = format!("TCP port {} is open", target.port);
                return (Line::good("port", found), Some(*address));
            }
            Ok(Err(error)) => refused |= error.kind() == io::ErrorKind::ConnectionRefused,
            Err(_) => {}
        }
    }
    (closed(target.port, refused), None)
}

fn closed(port: u16, refused: bool) -> Line {
    if refused {
        let cure = "Start the server, or correct the port in the URL: `peerhall serve` prints it.";
        return Line::bad("port", format!("nothing listens on TCP port {port}"), cure);
    }
    let found = format!("no answer from TCP port {port} in {} s", PATIENCE.as_secs());
    let cure = format!("Open TCP port {port} in the firewalls between here and the server.");
    Line::bad("port", found, cure)
}

/// Whether the certificate is good for the name that clients use.
pub(super) async fn certificate(target: &Target, address: SocketAddr) -> (Line, Option<Door>) {
    if !target.is_secure {
        return (unencrypted(address), Some(Door { address, tls: None }));
    }
    let (config, name) = match trusting(target) {
        Ok(config) => config,
        Err(error) => return (distrusted(target, &error), None),
    };
    let door = Door { address, tls: Some((config, name)) };
    let line = match door.open().await {
        Ok(_) => return (Line::good("certificate", "trusted, and good for this name"), Some(door)),
        Err(error) => {
            let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
            cause.map_or_else(|| broken(&error), |cause| distrusted(target, cause))
        }
    };
    (line, None)
}

fn unencrypted(address: SocketAddr) -> Line {
    if address.ip().is_loopback() {
        return Line::good("certificate", "none, and none is needed on one machine");
    }
    let cure = "Give the server a certificate (`tls.cert_file`, `tls.key_file`) and use wss://.";
    Line::warning("certificate", "none: whoever is on the way reads and changes everything", cure)
}

fn broken(error: &io::Error) -> Line {
    let cure = "Set `tls.cert_file` and `tls.key_file` of the server, or use ws:// where it has none.";
    Line::bad("certificate", format!("no TLS on this port ({:?})", error.kind()), cure)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the many causes in the library's open enums these are met; the others are told as they are"
)]
fn distrusted(target: &Target, error: &rustls::Error) -> Line {
    let host = &target.host;
    let (found, cure) = match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                "the certificate has expired".to_owned(),
                "Renew the certificate that `tls.cert_file` names and restart the server.".to_owned(),
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                "the certificate is not valid yet".to_owned(),
                "Set the clock of this machine, or wait until the certificate begins.".to_owned(),
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
                format!("the certificate is not for {host}"),
                format!("Use a name that stands in the certificate, or get one for {host}."),
            ),
            CertificateError::UnknownIssuer | CertificateError::BadSignature => (
                "the certificate is of an authority that this machine does not know".to_owned(),
                "Put the whole chain into `tls.cert_file`, or add your own authority to the roots of this machine."
                    .to_owned(),
            ),
            other => (
                format!("the certificate is refused ({other:?})"),
                "Get another certificate for the server.".to_owned(),
            ),
        },
        other => (
            format!("TLS fails: {other}"),
            "Use wss:// for a port that speaks TLS, and ws:// for one that does not.".to_owned(),
        ),
    };
    Line::bad("certificate", found, cure)
}

fn trusting(target: &Target) -> Result<(Arc<ClientConfig>, ServerName<'static>), rustls::Error> {
    let mut roots = RootCertStore::empty();
    // Roots that cannot be read are left out: a server that needs one is refused by name.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(target.host.clone());
    let name = name.map_err(|_| rustls::Error::InvalidCertificate(CertificateError::NotValidForName))?;
    Ok((Arc::new(config), name))
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn every_fault_of_a_certificate_has_its_own_cure() {
        let target: Target = "wss://example.org".parse().expect("a URL");
        let faults = [
            CertificateError::Expired,
            CertificateError::NotValidYet,
            CertificateError::NotValidForName,
            CertificateError::UnknownIssuer,
            CertificateError::Revoked,
        ];
        let lines = faults.map(|fault| distrusted(&target, &rustls::Error::InvalidCertificate(fault)));
        for (place, line) in lines.iter().enumerate() {
            assert_eq!(line.verdict(), Verdict::Bad);
            assert!(lines.iter().take(place).all(|other| other.cure() != line.cure()), "{line:?}");
        }
    }
}
