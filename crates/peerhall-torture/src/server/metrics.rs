//! The server's own counters, from its metrics page.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::failed::{Doing, Failed};

/// One reading of `/metrics`: every series by its name, labels included.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics(HashMap<String, f64>);

impl Metrics {
    /// Asks a server.
    ///
    /// # Errors
    ///
    /// When it does not answer within 10 s.
    pub(crate) fn read(address: SocketAddr) -> Result<Self, Failed> {
        Ok(Self::parse(&get(address, "/metrics", "")?))
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| line.starts_with("peerhall_") || line.starts_with("process_"));
        let samples = lines.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        Self(samples.collect())
    }

    /// A series; 0 when it is not there.
    pub(crate) fn get(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or(0.0)
    }
}

/// The whole answer to one GET, head included. `header` holds further lines, each with its end.
///
/// # Errors
///
/// When the server does not answer within 10 s.
pub(crate) fn get(address: SocketAddr, target: &str, header: &str) -> Result<String, Failed> {
    let mut socket = TcpStream::connect(address).doing("connecting for HTTP")?;
    socket.set_read_timeout(Some(Duration::from_secs(10))).doing("HTTP")?;
    let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{header}Connection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).doing("asking over HTTP")?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).doing("an answer over HTTP")?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_found_by_its_name_and_labels() {
        let page = "HTTP/1.1 200 OK\r\n\r\n# HELP peerhall_rooms x\npeerhall_rooms 7\n\
                    peerhall_closes_total{code=\"1008\"} 2\n";
        let metrics = Metrics::parse(page);
        assert_eq!(metrics.get("peerhall_rooms"), 7.0);
        assert_eq!(metrics.get("peerhall_closes_total{code=\"1008\"}"), 2.0);
        assert_eq!(metrics.get("peerhall_sockets"), 0.0);
    }
}
