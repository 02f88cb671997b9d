//! Addresses of live sources: `afpacket:eth0?threads=2`, `dnstap+unix:/run/dnstap.sock`.
//!
//! One table ([`SCHEMES`]) says what there is; parsing, complaints and documentation derive from it. **To add a source, add a row,
//! and a way to open it in [`sources`](super::sources).** A file that is called like an address is named with its folder before
//! it: `./afpacket:eth0`.

use crate::nearest::did_you_mean;
use anyhow::bail;
use std::fmt;
use std::path::{Path, PathBuf};

/// What lies behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    AfPacket,
    Xdp,
    Dpdk,
    DnstapUnix,
    DnstapTcp,
    DnstapTls,
    Knot,
}

/// A kind of live source.
pub(crate) struct SchemeEntry {
    pub(crate) scheme: Scheme,
    /// What stands before the colon.
    pub(crate) name: &'static str,
    /// The whole, with what must be said.
    pub(crate) form: &'static str,
    pub(crate) sentence: &'static str,
    /// What may be said behind a question mark.
    pub(crate) parameters: &'static [Parameter],
}

/// Something that may be said of a source.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) form: &'static str,
    pub(crate) sentence: &'static str,
}

const fn parameter(name: &'static str, form: &'static str, sentence: &'static str) -> Parameter {
    Parameter { name, form, sentence }
}

/// All kinds of live sources.
pub(super) const SCHEMES: &[SchemeEntry] = &[
    SchemeEntry {
        scheme: Scheme::AfPacket,
        name: "afpacket",
        form: "afpacket:INTERFACE",
        sentence: "packets of a network interface of Linux, through rings that the kernel fills",
        parameters: &[
            parameter(
                "threads",
                "N",
                "rings, each with a thread; the kernel spreads flows over them. Else 1",
            ),
            parameter(
                "ring",
                "SIZE",
                "bytes of each ring, such as 64MiB; what does not fit the kernel drops and counts",
            ),
            parameter(
                "block-timeout",
                "TIME",
                "the kernel hands over what it has after so long; at most 60ms, else 20ms",
            ),
            parameter("promiscuous", "yes|no", "take also what is not for this host; else yes"),
            parameter("timestamps", "software|hardware", "whose clock dates packets; else software"),
            parameter("snaplen", "BYTES", "of longer packets only so much is taken; else 262144"),
            parameter("fragments", "yes|no", "let fragments of IP through the kernel's filter; else yes"),
            parameter(
                "tunnels",
                "yes|no",
                "let tunnels (GRE, VXLAN, MPLS, ...) through the kernel's filter; else yes",
            ),
        ],
    },
    SchemeEntry {
        scheme: Scheme::Xdp,
        name: "xdp",
        form: "xdp:INTERFACE",
        sentence: "DNS packets of an interface, taken from its driver, so that the host never sees them: for mirror ports (build feature xdp)",
        parameters: &[
            parameter("ring", "SIZE", "bytes of the ring of each queue; else 64MiB"),
            parameter("promiscuous", "yes|no", "take also what is not for this host; else yes"),
            parameter(
                "copy",
                "auto|copy|zero",
                "who brings packets into memory: the kernel (copy), the network card (zero); else auto",
            ),
            parameter("fragments", "yes|no", "take fragments of IP too, from the host; else no"),
            parameter(
                "steal",
                "yes|no",
                "capture also where the host itself has an address, and take its DNS away; else no",
            ),
        ],
    },
    SchemeEntry {
        scheme: Scheme::Dpdk,
        name: "dpdk",
        form: "dpdk:DEVICE",
        sentence: "packets of a port of DPDK: a PCI address, or a virtual device with its arguments (build feature dpdk)",
        parameters: &[
            parameter("queues", "N", "receive queues, each with a thread; else as the device needs"),
            parameter(
                "eal",
                "ARGUMENTS",
                "arguments of DPDK's EAL, such as '--no-huge -m 256'; the same for all sources",
            ),
            parameter("promiscuous", "yes|no", "take also what is not for this device; else yes"),
            parameter("burst", "N", "packets taken out of a queue at once; else 64"),
            parameter(
                "poll",
                "idle|busy",
                "sleep where nothing comes, or ask on and take a processor; else idle",
            ),
        ],
    },
    SchemeEntry {
        scheme: Scheme::DnstapUnix,
        name: "dnstap+unix",
        form: "dnstap+unix:PATH",
        sentence: "what DNS servers send to a socket in the file system, which dpp makes",
        parameters: &[
            parameter(
                "mode",
                "OCTAL",
                "who may write to the socket, such as 0660; else what the umask leaves",
            ),
            OWNER,
            GROUP,
            MAX_CONNECTIONS,
        ],
    },
    SchemeEntry {
        scheme: Scheme::DnstapTcp,
        name: "dnstap+tcp",
        form: "dnstap+tcp://HOST:PORT",
        sentence: "what DNS servers send over TCP to this address, on which dpp listens",
        parameters: &[MAX_CONNECTIONS],
    },
    SchemeEntry {
        scheme: Scheme::DnstapTls,
        name: "dnstap+tls",
        form: "dnstap+tls://HOST:PORT?cert=FILE&key=FILE",
        sentence: "the same inside TLS",
        parameters: &[
            parameter("cert", "FILE", "the certificates that dpp shows, PEM"),
            parameter("key", "FILE", "the key to them, PEM"),
            parameter(
                "client-ca",
                "FILE",
                "who signs the certificates that senders must show, PEM; else none need one",
            ),
            MAX_CONNECTIONS,
        ],
    },
    SchemeEntry {
        scheme: Scheme::Knot,
        name: "knot",
        form: "knot:DIRECTORY",
        sentence: "what Knot DNS's module probe sends to sockets in this directory, which dpp makes",
        parameters: &[
            parameter("sockets", "N", "how many, as many as the module has channels; else 1"),
            parameter("mode", "OCTAL", "who may send to the sockets, such as 0220; else 0222, everybody"),
            OWNER,
            GROUP,
        ],
    },
];

/// All kinds of receivers that dnstap is sent to.
pub(super) const RECEIVERS: &[SchemeEntry] = &[
    SchemeEntry {
        scheme: Scheme::DnstapUnix,
        name: "dnstap+unix",
        form: "dnstap+unix:PATH",
        sentence: "a receiver of dnstap that listens at a socket in the file system",
        parameters: &[BUFFER],
    },
    SchemeEntry {
        scheme: Scheme::DnstapTcp,
        name: "dnstap+tcp",
        form: "dnstap+tcp://HOST:PORT",
        sentence: "a receiver of dnstap that listens at this address",
        parameters: &[BUFFER],
    },
    SchemeEntry {
        scheme: Scheme::DnstapTls,
        name: "dnstap+tls",
        form: "dnstap+tls://HOST:PORT?ca=FILE",
        sentence: "one that speaks TLS; its certificate must be of that host",
        parameters: &[
            parameter("ca", "FILE", "who signs the receiver's certificate, PEM"),
            parameter("cert", "FILE", "the certificates that dpp shows, PEM; else none"),
            parameter("key", "FILE", "the key to them, PEM"),
            BUFFER,
        ],
    },
];

const BUFFER: Parameter = parameter(
    "buffer",
    "SIZE",
    "messages that may wait while the receiver is gone; behind live sources further ones are dropped and counted. Else 16MiB",
);

const OWNER: Parameter = parameter("owner", "USER", "whose the socket is, by name or number");
const GROUP: Parameter = parameter("group", "GROUP", "and whose group");
const MAX_CONNECTIONS: Parameter =
    parameter("max-connections", "N", "senders at once; more are turned away and counted. Else 512");

/// The address of a live source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) scheme: Scheme,
    /// An interface, a path, or host and port.
    pub(crate) place: String,
    /// What else was said, each once.
    parameters: Vec<(&'static str, String)>,
    /// As the user wrote it.
    word: String,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.word)
    }
}

impl Address {
    /// The address, if the word is one: `None` if nothing like a scheme stands before a colon.
    ///
    /// # Errors
    /// A scheme that there is not, nothing behind it, or a parameter that it does not have.
    pub(crate) fn parse(word: &str) -> anyhow::Result<Option<Address>> {
        Address::parse_among(word, "source", SCHEMES)
    }

    /// The address of a receiver of dnstap, if the word is one.
    ///
    /// # Errors
    /// As for sources.
    pub(super) fn parse_receiver(word: &str) -> anyhow::Result<Option<Address>> {
        Address::parse_among(word, "receiver", RECEIVERS)
    }

    fn parse_among(word: &str, what: &str, schemes: &[SchemeEntry]) -> anyhow::Result<Option<Address>> {
        let Some((name, rest)) = word.split_once(':') else { return Ok(None) };
        let Some(entry) = schemes.iter().find(|entry| entry.name == name) else {
            return match is_like_a_scheme(name) {
                true => bail!(
                    "'{word}': there is no {what} '{name}'{} (there are {})",
                    did_you_mean(name, schemes.iter().map(|entry| entry.name)),
                    schemes.iter().map(|entry| entry.form).collect::<Vec<_>>().join(", ")
                ),
                false => Ok(None),
            };
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let has_host = entry.form.contains("://");
        let place = if has_host { place.strip_prefix("//").unwrap_or(place) } else { place };
        if place.is_empty() {
            bail!("'{word}': say where: {}", entry.form);
        }
        let mut address =
            Address { scheme: entry.scheme, place: place.into(), parameters: Vec::new(), word: word.into() };
        for said in query.split('&').filter(|said| !said.is_empty()) {
            address.say(entry, said)?;
        }
        Ok(Some(address))
    }

    fn say(&mut self, entry: &SchemeEntry, said: &str) -> anyhow::Result<()> {
        let (name, value) = said.split_once('=').unwrap_or((said, ""));
        let Some(parameter) = entry.parameters.iter().find(|parameter| parameter.name == name) else {
            let known: Vec<&str> = entry.parameters.iter().map(|parameter| parameter.name).collect();
            bail!(
                "'{self}': {} has no parameter '{name}'{} (it has {})",
                entry.name,
                did_you_mean(name, known.iter().copied()),
                known.join(", ")
            );
        };
        if value.is_empty() {
            bail!("'{self}': {name} needs a value: {name}={}", parameter.form);
        }
        if self.get(name).is_some() {
            bail!("'{self}': {name} stands there twice; say it once");
        }
        self.parameters.push((parameter.name, value.to_owned()));
        Ok(())
    }

    /// Whether both are the same place.
    pub(crate) fn is_at(&self, other: &Address) -> bool {
        let whole = |place: &str| std::path::absolute(place).unwrap_or_default();
        self.scheme == other.scheme
            && match self.scheme {
                Scheme::DnstapUnix | Scheme::Knot => whole(&self.place) == whole(&other.place),
                _ => self.place == other.place,
            }
    }

    /// Whether an output is sent to this very place, or is a file there.
    pub(crate) fn is_path_of(&self, output: &Path) -> bool {
        let Some(word) = output.to_str() else { return false };
        match Address::parse_receiver(word) {
            Ok(Some(receiver)) => receiver.is_at(self),
            _ => {
                self.scheme == Scheme::DnstapUnix
                    && std::path::absolute(word).ok() == std::path::absolute(&self.place).ok()
            }
        }
    }

    /// What was said of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|said| said.0 == name).map(|said| &*said.1)
    }

    /// What was said of a parameter, as whatever it is.
    ///
    /// # Errors
    /// If it cannot be understood.
    pub(crate) fn value<T>(
        &self,
        name: &str,
        allowed: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<Option<T>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match read(text) {
            Some(value) => Ok(Some(value)),
            None => bail!("'{self}': {name}={text}: allowed is {allowed}"),
        }
    }

    /// A number of at least 1.
    pub(crate) fn number(&self, name: &str, max: usize) -> anyhow::Result<Option<usize>> {
        self.value(name, &format!("a number from 1 to {max}"), |text| {
            text.parse().ok().filter(|number| (1..=max).contains(number))
        })
    }

    /// A number of bytes.
    pub(crate) fn size(&self, name: &str) -> anyhow::Result<Option<usize>> {
        self.value(name, "a size, such as 64MiB", |text| {
            crate::dataset::number(name, Some(text.as_ref())).ok().flatten()
        })
    }

    /// Yes or no.
    pub(crate) fn truth(&self, name: &str) -> anyhow::Result<Option<bool>> {
        self.value(name, "yes or no", |text| match text {
            "yes" | "true" | "on" | "1" => Some(true),
            "no" | "false" | "off" | "0" => Some(false),
            _ => None,
        })
    }

    /// Whether it takes packets of interfaces, which takes a capability.
    pub(crate) fn wants_packets(&self) -> bool {
        matches!(self.scheme, Scheme::AfPacket | Scheme::Xdp)
    }

    /// Whether it loads programs into the kernel.
    pub(crate) fn wants_bpf(&self) -> bool {
        self.scheme == Scheme::Xdp
    }

    /// Whether opening it starts threads.
    pub(crate) fn has_threads(&self) -> bool {
        self.scheme == Scheme::Dpdk
    }

    /// The folder in which sockets are made.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        let place = Path::new(&self.place);
        match self.scheme {
            Scheme::DnstapUnix => Some(match place.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            }),
            Scheme::Knot => Some(place.to_owned()),
            _ => None,
        }
    }

    /// Whether what comes from there may lack what packets always have.
    pub(crate) fn is_sparse(&self) -> bool {
        !matches!(self.scheme, Scheme::AfPacket | Scheme::Xdp | Scheme::Dpdk)
    }
}

/// Whether somebody probably meant a source: `C:\x` and `2026-11-21T12:00.pcap` are none, `dnstap+udp` and `afpaket` are.
fn is_like_a_scheme(name: &str) -> bool {
    let starts = ["dnstap+", "afpacket", "af_packet", "xdp", "dpdk", "knot"];
    let is_word =
        name.len() > 3 && name.chars().all(|letter| letter.is_ascii_lowercase() || "+_-".contains(letter));
    let is_near = || !did_you_mean(name, SCHEMES.iter().map(|entry| entry.name)).is_empty();
    starts.iter().any(|start| name.starts_with(start)) || is_word && is_near()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scheme, place and parameters.
    type Parts<'a> = (Scheme, &'a str, &'a [(&'a str, &'a str)]);

    #[track_caller]
    fn check(word: &str, expected: Result<Option<Parts>, &str>) {
        let told = Address::parse(word).map_err(|error| error.to_string());
        match (&told, expected) {
            (Ok(None), Ok(None)) => {}
            (Ok(Some(address)), Ok(Some((scheme, place, parameters)))) => {
                let said: Vec<_> = address.parameters.iter().map(|said| (said.0, &*said.1)).collect();
                assert_eq!((address.scheme, &*address.place, &said[..]), (scheme, place, parameters));
                assert_eq!(address.to_string(), word);
            }
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            _ => panic!("{word}: {told:?}"),
        }
    }

    #[test]
    fn sources_are_addresses() {
        check("afpacket:eth0", Ok(Some((Scheme::AfPacket, "eth0", &[]))));
        check(
            "afpacket:eth0?threads=2&ring=64MiB",
            Ok(Some((Scheme::AfPacket, "eth0", &[("threads", "2"), ("ring", "64MiB")]))),
        );
        check("dnstap+unix:/run/d.sock", Ok(Some((Scheme::DnstapUnix, "/run/d.sock", &[]))));
        check("dnstap+tcp://[::1]:6000", Ok(Some((Scheme::DnstapTcp, "[::1]:6000", &[]))));
        check("knot:/run/knot?sockets=4", Ok(Some((Scheme::Knot, "/run/knot", &[("sockets", "4")]))));
    }

    #[test]
    fn what_is_no_source_is_a_file() {
        for word in ["capture.pcap", "2026-11-21T12:00:00.pcap", "./afpacket:eth0", "-", "C:x.pcap"] {
            check(word, Ok(None));
        }
    }

    #[test]
    fn what_is_nearly_a_source_is_a_mistake() {
        check("afpaket:eth0", Err("did you mean 'afpacket'?"));
        check("dnstap+udp://x:1", Err("there is no source 'dnstap+udp'"));
        check("afpacket:", Err("say where: afpacket:INTERFACE"));
        check("afpacket:eth0?thread=2", Err("did you mean 'threads'?"));
        check("afpacket:eth0?threads", Err("threads needs a value"));
        check("afpacket:eth0?ring=1&ring=2", Err("ring stands there twice"));
    }

    #[test]
    fn values_are_judged_by_name() {
        let address = Address::parse("afpacket:eth0?threads=0&promiscuous=maybe").unwrap().unwrap();
        let error = address.number("threads", 64).unwrap_err().to_string();
        assert!(error.contains("threads=0: allowed is a number from 1 to 64"), "{error}");
        assert!(address.truth("promiscuous").is_err());
        assert_eq!(address.number("snaplen", 10).unwrap(), None);
    }
}
