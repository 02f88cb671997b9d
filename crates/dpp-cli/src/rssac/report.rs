//! From a tally to the files that operators publish.
//!
//! Each metric of each day is a file, `YYYY/MM/<metric>/<name>-YYYYMMDD-<metric>.yaml`, as the root server operators' own are
//! called and laid out. Versions differ in little: `version` came with v3, `end-period` went with it. Where published files
//! differ from each other (quotes, order of keys), ours are like those of the same version.

use super::yaml::Document;
use super::zones::Zones;
use crate::flags::RssacVersion;
use dpp::tallies::Registers;
use dpp::tallies::rssac::{CARRIERS, Day, TCP, UDP, Way, date};

/// Of whom, and how.
#[derive(Clone, Debug)]
pub(super) struct Style {
    /// `b.root-servers.net`.
    pub(super) service: String,
    pub(super) version: RssacVersion,
}

/// A file that is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Its folder, from the folder of all on.
    pub(super) folder: String,
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The metric that sketches stand beside.
const SOURCES: &str = "unique-sources";

/// The lowest sizes of the last buckets, which are open.
const LAST_REQUEST: u64 = 288;
const LAST_RESPONSE: u64 = 4096;

/// The width of a bucket.
const BUCKET: u64 = 16;

impl Style {
    /// What names of files begin with: `b-root` for b.root-servers.net, else the service's name.
    fn prefix(&self) -> String {
        match self.letter() {
            Some(letter) => format!("{letter}-root"),
            None => self.service.trim_end_matches('.').to_ascii_lowercase(),
        }
    }

    /// The letter of a root server.
    fn letter(&self) -> Option<char> {
        let name = self.service.trim_end_matches('.').to_ascii_lowercase();
        let letter = name.strip_suffix(".root-servers.net")?;
        let mut letters = letter.chars();
        letters.next().filter(|letter| letter.is_ascii_lowercase() && letters.next().is_none())
    }

    /// What keys begin with that are the operator's own: `b-`.
    fn own(&self) -> String {
        self.letter().map_or_else(|| "x".to_owned(), String::from)
    }

    /// All files of a day.
    pub(super) fn files(&self, day: u16, figures: &Day, zones: Option<&Zones>) -> Vec<File> {
        let mut documents = vec![
            ("traffic-volume", self.volume(day, figures)),
            ("traffic-sizes", self.sizes(day, figures)),
            ("rcode-volume", self.rcodes(day, figures)),
            (SOURCES, self.sources(day, figures)),
        ];
        if figures.labels().next().is_some() {
            let mut document = self.envelope(day, "label-count");
            figures.labels().for_each(|(labels, count)| document.plain(&labels.to_string(), count));
            documents.push(("label-count", document));
        }
        if let Some(zones) = zones {
            documents.extend(self.zones(day, zones));
        }
        documents.into_iter().map(|(metric, document)| self.file(day, metric, &document)).collect()
    }

    /// Those of zones.
    pub(super) fn zones(&self, day: u16, zones: &Zones) -> Vec<(&'static str, Document)> {
        let metrics = [("load-time", "time", zones.load_times(day)), ("zone-size", "size", zones.sizes(day))];
        let some = metrics.into_iter().filter(|(.., of_day)| !of_day.is_empty());
        some.map(|(metric, key, of_day)| (metric, self.of_zone(day, metric, key, of_day))).collect()
    }

    /// Sketches of the sources of a day, in the form of Apache DataSketches.
    pub(super) fn sketches(&self, day: u16, figures: &Day) -> Vec<File> {
        let date = date(day);
        let file = |(of, sketch): (&str, Registers)| File {
            folder: folder(&date, SOURCES),
            name: format!("{}-{date}-{SOURCES}-{of}.hll", self.prefix()),
            bytes: sketch.to_datasketches(),
        };
        ["ipv4", "ipv6", "ipv6-aggregate"].into_iter().zip(figures.sketches()).map(file).collect()
    }

    fn file(&self, day: u16, metric: &str, document: &Document) -> File {
        let date = date(day);
        File {
            folder: folder(&date, metric),
            name: format!("{}-{date}-{metric}.yaml", self.prefix()),
            bytes: document.to_string().into_bytes(),
        }
    }

    /// What all metrics begin with.
    fn envelope(&self, day: u16, metric: &str) -> Document {
        let mut document = Document::default();
        if self.version != RssacVersion::V2 {
            document.plain("version", self.version.name());
        }
        document.plain("service", &self.service);
        let start = format!("{}T00:00:00Z", dashed(day));
        match self.version {
            RssacVersion::V5 => document.plain("start-period", start),
            _ => document.quoted("start-period", start),
        }
        if self.version == RssacVersion::V2 {
            document.quoted("end-period", format!("{}T23:59:59Z", dashed(day)));
        }
        document.plain("metric", metric);
        document
    }

    fn volume(&self, day: u16, figures: &Day) -> Document {
        let mut document = self.envelope(day, "traffic-volume");
        for (way, words) in [(Way::Query, "queries-received"), (Way::Response, "responses-sent")] {
            for (carrier, (_, word)) in CARRIERS.iter().enumerate() {
                let counts = [0, 1].map(|version| figures.volume(way, carrier, version));
                let is_plain = carrier == UDP || carrier == TCP;
                if !is_plain && [Way::Query, Way::Response].iter().all(|way| is_none(figures, *way, carrier))
                {
                    continue;
                }
                let own = if is_plain { String::new() } else { format!("{}-", self.own()) };
                for (count, version) in counts.into_iter().zip(["ipv4", "ipv6"]) {
                    document.plain(&format!("{own}dns-{word}-{words}-{version}"), count);
                }
            }
        }
        document
    }

    fn sizes(&self, day: u16, figures: &Day) -> Document {
        let mut document = self.envelope(day, "traffic-sizes");
        for (carrier, word) in [(UDP, "udp"), (TCP, "tcp")] {
            for (way, words, last) in
                [(Way::Query, "request", LAST_REQUEST), (Way::Response, "response", LAST_RESPONSE)]
            {
                let closed = figures.sizes(way, carrier).filter(|(first, _)| *first < last);
                let closed = closed.map(|(first, count)| (format!("{first}-{}", first + BUCKET - 1), count));
                let open: u64 = figures
                    .sizes(way, carrier)
                    .filter(|(first, _)| *first >= last)
                    .map(|(_, count)| count)
                    .sum();
                let open = (open > 0).then(|| (format!("{last}-"), open));
                document.map(&format!("{word}-{words}-sizes"), closed.chain(open));
            }
        }
        document
    }

    fn rcodes(&self, day: u16, figures: &Day) -> Document {
        let mut document = self.envelope(day, "rcode-volume");
        figures.rcodes().for_each(|(rcode, count)| document.plain(&rcode.to_string(), count));
        document
    }

    fn sources(&self, day: u16, figures: &Day) -> Document {
        let mut document = self.envelope(day, SOURCES);
        let [v4, v6, nets] = figures.sources();
        document.plain("num-sources-ipv4", v4);
        document.plain("num-sources-ipv6", v6);
        document.plain("num-sources-ipv6-aggregate", nets);
        document
    }

    /// Published files of zones have their keys in the order of the alphabet.
    fn of_zone(&self, day: u16, metric: &str, key: &str, of_day: Vec<(u32, u64)>) -> Document {
        let mut document = self.envelope(day, metric);
        document.0.retain(|(key, _)| key != "start-period");
        document.quoted("start-period", format!("{}T00:00:00Z", dashed(day)));
        document.map(key, of_day);
        document.0.sort_by(|(one, _), (other, _)| one.cmp(other));
        document
    }
}

fn folder(date: &str, metric: &str) -> String {
    format!("{}/{}/{metric}", &date[..4], &date[4..6])
}

fn is_none(figures: &Day, way: Way, carrier: usize) -> bool {
    [0, 1].iter().all(|version| figures.volume(way, carrier, *version) == 0)
}

/// `2024-06-01`.
pub(super) fn dashed(day: u16) -> String {
    let date = date(day);
    format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..])
}

#[cfg(test)]
mod tests {
    use super::super::yaml::Value;
    use super::*;
    use dpp::tallies::entry::{Entries, Op};
    use dpp::tallies::rssac::Rssac;
    use std::fs;
    use std::path::Path;

    /// Files as root server operators have published them (github.com/rssac-caucus/RSSAC002-data).
    fn published() -> Vec<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rssac/published");
        let mut files: Vec<_> = fs::read_dir(folder)
            .expect("the folder of published files")
            .map(|entry| {
                let path = entry.expect("a file").path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).expect("text"))
            })
            .collect();
        files.sort();
        assert_eq!(files.len(), 9);
        files
    }

    #[test]
    fn published_files_are_read_and_written_again_byte_by_byte() {
        for (name, text) in published() {
            assert_eq!(Document::parse(&text).unwrap().to_string(), text, "{name}");
        }
    }

    /// A tally that comes to the figures of a published file.
    fn tally_of(document: &Document, day: &str) -> Rssac {
        let mut tally = Rssac::default();
        let mut take = |key: &str, number: &str| {
            let key = format!("{day}/{key}");
            tally.take(Op::Sum, key.as_bytes(), number.parse().unwrap()).unwrap();
        };
        for (key, value) in &document.0 {
            let words: Vec<&str> = key.split('-').collect();
            match (&words[..], value) {
                ([.., "dns", carrier, way, _, version], Value::Plain(number)) => {
                    let carrier = CARRIERS.iter().find(|row| row.1 == *carrier).unwrap().0;
                    take(&format!("{}/{carrier}/{}", &way[..1], &version[3..]), number);
                }
                ([carrier, way, "sizes"], Value::Map(sizes)) => {
                    let way = if *way == "request" { "q" } else { "r" };
                    for (bucket, number) in sizes {
                        let first = bucket.split('-').next().unwrap();
                        take(&format!("size/{way}/{carrier}/{first}"), number);
                    }
                }
                ([rcode], Value::Plain(number)) if rcode.parse::<u16>().is_ok() => {
                    take(&format!("rcode/{rcode}"), number);
                }
                _ => {}
            }
        }
        tally
    }

    #[test]
    fn figures_become_the_files_that_were_published() {
        let mut compared = 0;
        for (name, text) in published() {
            let document = Document::parse(&text).unwrap();
            let version = match document.0.iter().find(|(key, _)| key == "version") {
                Some((_, Value::Plain(version))) if version == "rssac002v4" => RssacVersion::V4,
                Some(_) => RssacVersion::V5,
                None => RssacVersion::V2,
            };
            let (letter, day) = (&name[..1], &name[7..15]);
            let style = Style { service: format!("{letter}.root-servers.net"), version };
            let tally = tally_of(&document, day);
            let Some((number, figures)) = tally.days().next() else { continue };
            let files = style.files(number, figures, None);
            let file = files.iter().find(|file| file.name == name).expect("a file of this name");
            // B's codes stand in the order of text, ours in that of numbers, as C's do.
            let sorted = |text: &str| {
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                if name.starts_with("b-") && name.contains("rcode") {
                    lines.sort();
                }
                lines
            };
            assert_eq!(sorted(std::str::from_utf8(&file.bytes).unwrap()), sorted(&text), "{name}");
            assert_eq!(file.folder, format!("{}/{}/{}", &day[..4], &day[4..6], &name[16..name.len() - 5]));
            compared += 1;
        }
        assert_eq!(compared, 6);
    }

    #[test]
    fn sources_and_load_times_are_files_like_those_published() {
        let named = |wanted: &str| published().into_iter().find(|(name, _)| name == wanted).unwrap().1;
        let mut tally = Rssac::default();
        for source in 0..7_u128 {
            let key = format!("20240601/6/{:032x}", source << 63);
            tally.take(Op::Member, key.as_bytes(), 1).unwrap();
        }
        tally.take(Op::Member, b"20240601/4/00000000", 1).unwrap();
        let (day, figures) = tally.days().next().unwrap();
        let style = |version| Style { service: "b.root-servers.net".to_owned(), version };
        let text = style(RssacVersion::V5).files(day, figures, None).swap_remove(3).bytes;
        let like = named("b-root-20240601-unique-sources.yaml");
        let like = like.replace("7612603", "1").replace("1469414", "7").replace("448626", "4");
        assert_eq!(String::from_utf8(text).unwrap(), like);
        let log = "2025-06-01T00:00:00Z 2025060100 notify\n2025-06-01T00:23:42Z 2025060100 loaded a\n\
                   2025-06-01T12:00:00Z 2025060101 notify\n2025-06-01T12:13:54Z 2025060101 loaded a\n";
        let zones = Zones::parse(log).unwrap();
        let [(metric, document)] = &style(RssacVersion::V5).zones(20_240, &zones)[..] else { panic!() };
        assert_eq!((*metric, document.to_string()), ("load-time", named("b-root-20250601-load-time.yaml")));
    }

    #[test]
    fn other_services_are_called_by_their_names() {
        for (service, prefix) in [
            ("B.root-servers.net", "b-root"),
            ("b.root-servers.net.", "b-root"),
            ("ns1.Example.", "ns1.example"),
            ("bb.root-servers.net", "bb.root-servers.net"),
        ] {
            let style = Style { service: service.to_owned(), version: RssacVersion::V5 };
            assert_eq!(style.prefix(), prefix);
        }
    }
}
