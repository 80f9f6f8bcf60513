//! The namespaces, and what stands between a peer and the internet.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::foreign::{folder, python_interpreter};

/// Address of the server, over IPv4 and IPv6.
pub(super) const SERVER: &str = "9.0.0.1";
pub(super) const SERVER_V6: &str = "2600:9::1";

/// What stands between a peer and the internet. The terms are those of RFC 3489; what they mean in those of
/// RFC 4787 is said of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Mapping and filtering do not depend on the other end.
    FullCone,
    /// The mapping does not; in comes who was sent to, from any port.
    Restricted,
    /// The mapping does not; in comes who was sent to, from that port.
    PortRestricted,
    /// Every destination has another port, and only that one comes in.
    Symmetric,
    /// Port-restricted, and no UDP passes.
    UdpBlocked,
    /// Nothing passes but TCP to port 443.
    Only443,
    /// IPv6 without NAT, behind a firewall that lets answers in, and no IPv4.
    Ipv6Only,
}

impl Access {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::FullCone,
        Self::Restricted,
        Self::PortRestricted,
        Self::Symmetric,
        Self::UdpBlocked,
        Self::Only443,
        Self::Ipv6Only,
    ];

    /// A few words for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FullCone => "full cone",
            Self::Restricted => "restricted",
            Self::PortRestricted => "port-restricted",
            Self::Symmetric => "symmetric",
            Self::UdpBlocked => "UDP blocked",
            Self::Only443 => "443 only",
            Self::Ipv6Only => "IPv6 only",
        }
    }

    /// Rules of the box between the peer `10.0.K.2` and the internet.
    fn rules(self, side: u8) -> String {
        let nat = |more: &str| {
            format!(
                "table ip nat {{\nchain post {{\ntype nat hook postrouting priority 100;\n\
                 oif \"wan\" masquerade {more};\n}}\n}}\n"
            )
        };
        // What nobody asked for is not let in, nor may it take the port that a mapping is to have.
        let closed = |more: &str| {
            format!(
                "table inet f {{\nchain fo {{\ntype filter hook forward priority 0;\n{more}\n\
                 iif \"wan\" ct state new,invalid drop;\n}}\nchain inp {{\ntype filter hook input priority 0;\n\
                 iif \"wan\" udp dport 1024-65535 ct state new drop;\n}}\n}}\n"
            )
        };
        let inbound = |from: &str| {
            format!(
                "table ip pre {{\nset seen {{\ntype ipv4_addr;\nflags dynamic;\ntimeout 2m;\n}}\n\
                 chain note {{\ntype filter hook forward priority -5;\n\
                 oif \"wan\" meta l4proto udp add @seen {{ ip daddr }};\n}}\n\
                 chain in {{\ntype nat hook prerouting priority -100;\n\
                 iif \"wan\" {from} udp dport 1024-65535 dnat to 10.0.{side}.2;\n}}\n}}\n"
            )
        };
        match self {
            Self::FullCone => nat("") + &inbound(""),
            Self::Restricted => nat("") + &inbound("ip saddr @seen"),
            Self::PortRestricted => nat("") + &closed(""),
            Self::Symmetric => nat("fully-random") + &closed(""),
            Self::UdpBlocked => nat("") + &closed("meta l4proto udp drop;"),
            Self::Only443 => {
                nat("") + &closed("iif \"lan\" tcp dport != 443 drop;\niif \"lan\" meta l4proto != tcp drop;")
            }
            Self::Ipv6Only => closed(""),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens to packets on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Nothing.
    Fine,
    /// This many of a thousand are lost, in each direction at each side.
    Loss(u16),
    /// Each takes so many milliseconds between a peer and its box, in each direction at each side.
    Delay(u16),
    /// The first side alone has a line that is slow, long and bad.
    Line(Line),
}

/// A line as people have it at home, the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Megabits in a second.
    pub megabits: u16,
    /// Milliseconds that a packet takes.
    pub milliseconds: u16,
    /// Packets of a thousand that are lost.
    pub thousandths: u16,
}

impl Weather {
    /// Milliseconds that a packet takes between a peer of a side and its box.
    fn delay(self, side: u8) -> Option<u16> {
        match self {
            Self::Delay(milliseconds) => Some(milliseconds),
            Self::Line(line) if side == 1 => Some(line.milliseconds),
            Self::Fine | Self::Loss(_) | Self::Line(_) => None,
        }
    }

    /// Packets of a thousand that the box of a side loses.
    fn loss(self, side: u8) -> Option<u16> {
        match self {
            Self::Loss(thousandths) => Some(thousandths),
            Self::Line(line) if side == 1 => Some(line.thousandths),
            Self::Fine | Self::Delay(_) | Self::Line(_) => None,
        }
    }
}

/// Why there is no laboratory here.
#[derive(Debug)]
pub struct Unavailable(String);

impl Unavailable {
    /// For this reason.
    #[must_use]
    pub fn new(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no network namespaces here: {}; run as root on Linux with iproute2 and nftables", self.0)
    }
}

/// Namespaces for a server, two boxes and two peers; dropping it removes them.
#[derive(Debug)]
pub struct Lab {
    prefix: String,
    cables: Vec<Cable>,
}

impl Lab {
    /// Lays the cables.
    ///
    /// # Errors
    ///
    /// What the system does not allow.
    pub fn new(sides: [Access; 2], weather: Weather) -> Result<Self, Unavailable> {
        let prefix = format!("ph{}", fastrand::u32(..1_000_000));
        let mut lab = Self { prefix, cables: Vec::new() };
        for name in ["s", "n1", "n2", "p1", "p2"] {
            lab.ip(&format!("netns add {}", lab.name(name)))?;
            lab.within(name, "link set lo up")?;
            // Else each interface gets an address a second later, and a browser that loads a page then drops what it
            // has asked for, as it does when a network changes.
            for which in ["all", "default"] {
                lab.sysctl(name, &format!("net.ipv6.conf.{which}.accept_dad=0"))?;
            }
        }
        lab.within("s", "link add br0 type bridge")?;
        lab.within("s", "link set br0 up")?;
        lab.within("s", &format!("addr add {SERVER}/24 dev br0"))?;
        lab.within("s", &format!("addr add {SERVER_V6}/64 dev br0 nodad"))?;
        for (side, access) in [1, 2].into_iter().zip(sides) {
            lab.cable(side, weather.delay(side))?;
            lab.lay(side, access)?;
            lab.weather(side, weather)?;
        }
        Ok(lab)
    }

    /// The cable between a peer and its box, whose end there is `lan`.
    fn cable(&mut self, side: u8, delay: Option<u16>) -> Result<(), Unavailable> {
        let (router, peer) = (format!("n{side}"), format!("p{side}"));
        let (full_router, full_peer) = (self.name(&router), self.name(&peer));
        let end = if delay.is_some() { "near" } else { "lan" };
        self.ip(&format!("link add {end} netns {full_router} type veth peer name eth0 netns {full_peer}"))?;
        if let Some(milliseconds) = delay {
            for tap in ["far", "lan"] {
                self.within(&router, &format!("tuntap add dev {tap} mode tap"))?;
            }
            self.within(&router, "link add br0 type bridge")?;
            self.within(&router, "link set br0 up")?;
            // The box is to see a packet when it comes out of the line and not when it goes in, or its NAT
            // takes it for known. Where the kernel does not look into bridges there is nothing to say.
            let blind = "for call in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $call ] || echo 0 > $call; done";
            run(self.command(&router, Path::new("sh")).args(["-c", blind]))?;
            for end in ["near", "far"] {
                self.within(&router, &format!("link set {end} master br0 up"))?;
            }
            self.cables.push(Cable::start(self, &router, milliseconds)?);
        }
        self.within(&router, "link set lan up")?;
        self.within(&peer, "link set eth0 up")
    }

    fn lay(&self, side: u8, access: Access) -> Result<(), Unavailable> {
        let (router, peer) = (format!("n{side}"), format!("p{side}"));
        let full_router = self.name(&router);
        let server = self.name("s");
        self.ip(&format!("link add wan netns {full_router} type veth peer name w{side} netns {server}"))?;
        self.within("s", &format!("link set w{side} master br0 up"))?;
        self.within(&router, "link set wan up")?;
        let other = 3 - side;
        if access == Access::Ipv6Only {
            self.sysctl(&router, "net.ipv6.conf.all.forwarding=1")?;
            self.within(&router, &format!("addr add 2600:9::1{side}/64 dev wan nodad"))?;
            self.within(&router, &format!("addr add 2600:9:{side}::1/64 dev lan nodad"))?;
            self.within(&router, &format!("route add 2600:9:{other}::/64 via 2600:9::1{other}"))?;
            self.within(&peer, &format!("addr add 2600:9:{side}::2/64 dev eth0 nodad"))?;
            self.within(&peer, &format!("route add default via 2600:9:{side}::1"))?;
            self.within("s", &format!("route add 2600:9:{side}::/64 via 2600:9::1{side}"))?;
        } else {
            self.sysctl(&router, "net.ipv4.ip_forward=1")?;
            self.within(&router, &format!("addr add 9.0.0.1{side}/24 dev wan"))?;
            self.within(&router, &format!("addr add 10.0.{side}.1/24 dev lan"))?;
            self.within(&peer, &format!("addr add 10.0.{side}.2/24 dev eth0"))?;
            self.within(&peer, &format!("route add default via 10.0.{side}.1"))?;
        }
        self.rules(&router, &access.rules(side))
    }

    fn weather(&self, side: u8, weather: Weather) -> Result<(), Unavailable> {
        if let Some(thousandths) = weather.loss(side) {
            let lost = format!("numgen random mod 1000 < {thousandths} drop;");
            self.rules(&format!("n{side}"), &dropping("loss", -10, &lost))?;
        }
        if let (Weather::Line(line), 1) = (weather, side) {
            // What leaves the box by either end waits its turn; what waits longer than this is lost, as in the
            // queue of a modem.
            for end in ["wan", "lan"] {
                let rate = format!("{}mbit", line.megabits);
                let words = ["qdisc", "add", "dev", end, "root", "tbf", "rate", &rate];
                let queue = ["burst", "16kb", "latency", "100ms"];
                run(self.command("n1", Path::new("tc")).args(words).args(queue))?;
            }
        }
        Ok(())
    }

    /// Pulls the plug of a side: nothing passes its box until it is [mended](Self::mend).
    ///
    /// # Errors
    ///
    /// What the system does not allow.
    pub fn cut(&self, side: u8) -> Result<(), Unavailable> {
        self.rules(&format!("n{side}"), &dropping("cut", -20, "drop;"))
    }

    /// Puts the plug of a side back.
    ///
    /// # Errors
    ///
    /// What the system does not allow.
    pub fn mend(&self, side: u8) -> Result<(), Unavailable> {
        self.rules(&format!("n{side}"), "delete table inet cut\n")
    }

    /// Gives the box of a side another address, as when a phone leaves its Wi-Fi: every mapping is gone.
    ///
    /// # Errors
    ///
    /// What the system does not allow.
    pub fn move_side(&self, side: u8) -> Result<(), Unavailable> {
        let router = format!("n{side}");
        // In this order: with the first address of a network its later ones go.
        self.within(&router, &format!("addr del 9.0.0.1{side}/24 dev wan"))?;
        self.within(&router, &format!("addr add 9.0.0.3{side}/24 dev wan"))
    }

    /// A command that runs in a namespace: `s`, `p1` or `p2`.
    #[must_use]
    pub fn command(&self, name: &str, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(name)]).arg(program);
        command
    }

    /// The address of the server as a side reaches it.
    #[must_use]
    pub fn server_for(access: Access) -> IpAddr {
        let text = if access == Access::Ipv6Only { SERVER_V6 } else { SERVER };
        text.parse().expect("a constant of this file")
    }

    /// The namespace by its whole name.
    pub(super) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn within(&self, name: &str, what: &str) -> Result<(), Unavailable> {
        self.ip(&format!("-n {} {what}", self.name(name)))
    }

    fn sysctl(&self, name: &str, setting: &str) -> Result<(), Unavailable> {
        run(self.command(name, Path::new("sysctl")).args(["-qw", setting]))
    }

    fn rules(&self, name: &str, rules: &str) -> Result<(), Unavailable> {
        let file = tempfile::NamedTempFile::new().map_err(|error| Unavailable(error.to_string()))?;
        std::fs::write(file.path(), rules).map_err(|error| Unavailable(error.to_string()))?;
        run(self.command(name, Path::new("nft")).arg("-f").arg(file.path()))
    }

    fn ip(&self, what: &str) -> Result<(), Unavailable> {
        run(Command::new("ip").args(what.split(' ')))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.cables.clear();
        for name in ["p1", "p2", "n1", "n2", "s"] {
            // One that was never made cannot be removed, which is as good.
            drop(Command::new("ip").args(["netns", "del", &self.name(name)]).output());
        }
    }
}

/// A process that carries frames from one end of a long cable to the other; dropping it cuts the cable.
#[derive(Debug)]
struct Cable(Child);

impl Cable {
    fn start(lab: &Lab, router: &str, milliseconds: u16) -> Result<Self, Unavailable> {
        let mut command = lab.command(router, &python_interpreter());
        command.arg(folder().join("python/delay_line.py")).args(["far", "lan", &milliseconds.to_string()]);
        let started = command.stdout(Stdio::piped()).spawn();
        let mut cable = Self(started.map_err(|error| Unavailable(format!("cannot run Python: {error}")))?);
        let mut said = String::new();
        if let Some(output) = cable.0.stdout.take() {
            drop(BufReader::new(output).read_line(&mut said));
        }
        match said.trim() {
            "carries" => Ok(cable),
            _ => Err(Unavailable("the line with a delay does not start; it takes /dev/net/tun".to_owned())),
        }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Rules that drop something of what a box passes on.
fn dropping(table: &str, priority: i32, what: &str) -> String {
    format!(
        "table inet {table} {{\nchain fo {{\ntype filter hook forward priority {priority};\n{what}\n}}\n}}\n"
    )
}

fn run(command: &mut Command) -> Result<(), Unavailable> {
    let Output { status, stderr, .. } = command
        .output()
        .map_err(|error| Unavailable(format!("cannot run {}: {error}", command.get_program().display())))?;
    if status.success() {
        return Ok(());
    }
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    Err(Unavailable(format!("`{}` says {}", words.join(" "), String::from_utf8_lossy(&stderr).trim())))
}
