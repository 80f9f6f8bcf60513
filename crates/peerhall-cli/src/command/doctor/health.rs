//! An answer over HTTP, and whether both clocks agree.

use std::io;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::door::{Door, PATIENCE};
use super::report::Line;
use super::target::Target;

/// Largest head of an answer.
const MAX_HEAD: usize = 16 * 1_024;

/// Header fields of an answer that are looked at; proxies add some.
const MAX_FIELDS: usize = 64;

/// Difference from which tokens are refused or live too long: servers forgive a minute.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// What is used of an answer.
#[derive(Debug)]
struct Head {
    status: u16,
    date: Option<SystemTime>,
}

/// Asks for `/health`; the answer tells the server's time too.
pub(super) async fn clock(target: &Target, door: &Door) -> Line {
    let asked = timeout(PATIENCE, head(target, door)).await;
    let head = match asked {
        Ok(Ok(head)) => head,
        Ok(Err(_)) | Err(_) => {
            let cure = "Point the URL at Peerhall: what listens there does not speak HTTP.";
            return Line::bad("clock", "the server does not answer over HTTP", cure);
        }
    };
    if head.status != 200 {
        let found = format!(
            "something answers /health with status {}; its clock may not be the server's",
            head.status
        );
        return Line::unknown("clock", found);
    }
    match head.date {
        Some(theirs) => compare(theirs, SystemTime::now()),
        None => Line::unknown("clock", "the answer has no date"),
    }
}

fn compare(theirs: SystemTime, ours: SystemTime) -> Line {
    let (apart, word) = match ours.duration_since(theirs) {
        Ok(apart) => (apart, "ahead of"),
        Err(error) => (error.duration(), "behind"),
    };
    if apart <= MAX_SKEW {
        return Line::good("clock", "agrees with the server's");
    }
    let found = format!("this machine is {} s {word} the server", apart.as_secs());
    let cure = "Let both machines set their clocks by NTP (`timedatectl set-ntp true`): tokens and TURN \
                credentials go by them.";
    Line::bad("clock", found, cure)
}

async fn head(target: &Target, door: &Door) -> io::Result<Head> {
    let mut stream = door.open().await?;
    let (path, host) = (target.path("/health"), target.authority());
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut bytes = Vec::with_capacity(1_024);
    loop {
        if let Some(head) = parse(&bytes)? {
            return Ok(head);
        }
        if bytes.len() > MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// `None` while the head is not complete.
fn parse(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    if parsed.is_partial() {
        return Ok(None);
    }
    let date = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case("date"));
    let date = date.and_then(|field| httpdate::parse_http_date(std::str::from_utf8(field.value).ok()?).ok());
    Ok(Some(Head { status: response.code.unwrap_or(0), date }))
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn clocks_may_be_a_minute_apart() {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (apart, verdict) in
            [(0, Verdict::Good), (60, Verdict::Good), (61, Verdict::Bad), (9_999, Verdict::Bad)]
        {
            let other = noon + Duration::from_secs(apart);
            assert_eq!(compare(noon, other).verdict(), verdict, "{apart} s ahead");
            assert_eq!(compare(other, noon).verdict(), verdict, "{apart} s behind");
        }
    }

    #[test]
    fn a_head_is_read_once_it_is_complete_and_nothing_else_is_one() {
        let answer = b"HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nok";
        assert!(parse(answer.get(..40).expect("a part")).expect("no mistake").is_none());
        let head = parse(answer).expect("no mistake").expect("complete");
        assert_eq!(head.status, 200);
        assert_eq!(head.date, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)));
        assert!(parse(b"SSH-2.0-OpenSSH\r\n\r\n").is_err());
    }
}
