//! TLS to `turns:` servers.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};

use super::config::Trust;
use super::event::ServerFailure;
use super::server::Host;

/// The system's roots, read once: about 140 certificates and some milliseconds of a disk.
static SYSTEM_ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();

/// What a connection with this trust needs.
pub(super) async fn config(trust: &Trust) -> Result<Arc<ClientConfig>, ServerFailure> {
    let trust = trust.clone();
    let built = tokio::task::spawn_blocking(move || match trust {
        Trust::System { extra } => with_roots(extra),
        Trust::Verifier(verifier) => with_verifier(verifier),
    });
    // The task is not aborted and does not panic; a runtime that shuts down drops us too.
    built.await.map_err(|_| ServerFailure::Connection(io::ErrorKind::Interrupted))?.map_err(tls_failure)
}

/// The name that the certificate has to carry.
pub(super) fn server_name(host: &Host) -> Result<ServerName<'static>, ServerFailure> {
    match host {
        Host::Address(ip) => Ok(ServerName::IpAddress((*ip).into())),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| ServerFailure::NameNotFound),
    }
}

/// What an attempt at TLS failed of.
pub(super) fn failure(error: io::Error) -> ServerFailure {
    let kind = error.kind();
    match error.into_inner().and_then(|inner| inner.downcast::<Error>().ok()) {
        Some(error) => tls_failure(*error),
        None => ServerFailure::Connection(kind),
    }
}

fn tls_failure(error: Error) -> ServerFailure {
    ServerFailure::Tls(error.to_string())
}

fn with_roots(extra: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = Arc::clone(SYSTEM_ROOTS.get_or_init(|| Arc::new(system_roots())));
    if !extra.is_empty() {
        let roots = Arc::make_mut(&mut roots);
        extra.into_iter().try_for_each(|root| roots.add(root))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn with_verifier(verifier: Arc<dyn ServerCertVerifier>) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// Roots that cannot be read or used are left out: a server that needs one is refused by name.
fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (used, ignored) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(used, ignored, errors = found.errors.len(), "roots of the system read");
    roots
}
