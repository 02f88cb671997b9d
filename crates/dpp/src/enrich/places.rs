//! Servers and sites, from the names of capture files or from a table of addresses.
//!
//! A capture seldom says where it was taken: the name of its file does (`ns1_ams-20240101.pcap.gz`), or the addresses that
//! answer in it. [`Template`] reads the first, once for each file; [`Places`] looks up the second, for every row.

use crate::limits::{PLACE_NAME_MAX, TEMPLATE_PARTS_MAX};
use std::collections::HashMap;
use std::net::IpAddr;
use thiserror::Error;

/// Where something was captured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// The server, as its operator calls it.
    pub server: Option<String>,
    /// The site where it, or this instance of it, stands.
    pub site: Option<String>,
}

/// What names of files look like.
///
/// | part | stands for |
/// | --- | --- |
/// | `{server}`, `{site}` | a name: one character or more |
/// | `*`, `{*}` | anything, nothing too |
/// | `%Y` | four digits |
/// | `%m` `%d` `%H` `%M` `%S` `%y` | two digits |
/// | `%j` | three digits |
/// | `%s` `%f` | digits |
/// | `%%` | a percent sign |
///
/// Everything else is itself. No part goes beyond a `/`: a template is held against as many components at the end of a path
/// as it has itself. Where there are several ways to read a name, the first part is as short as it can be, then the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    /// Components of a path.
    components: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Server,
    Site,
    Anything,
    /// So many digits.
    Digits(usize),
    /// One digit or more.
    Number,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A part in braces that does not exist, or whose brace does not close.
    #[error("there is no part '{0}'; there are {{server}}, {{site}} and {{*}}")]
    Part(String),
    /// A percent sign before something that is no part of a date.
    #[error(
        "there is no part '%{0}' of a date; there are %Y %m %d %H %M %S %y %j %s %f, and %% for a percent sign"
    )]
    Date(String),
    /// A part that is there twice.
    #[error("{0} is in it twice")]
    Twice(&'static str),
    /// Nothing to be read.
    #[error("neither {{server}} nor {{site}} is in it")]
    Nothing,
    /// Two names with nothing between them.
    #[error("{0} and what follows it cannot be told apart; put a character between them that is in neither")]
    Touching(&'static str),
    /// More parts than a name of a file could need.
    #[error("it has more than {TEMPLATE_PARTS_MAX} parts")]
    Long,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] says what is wrong.
    ///
    /// ```
    /// # use dpp::enrich::Template;
    /// let template = Template::parse("{server}_{site}-%Y%m%d.pcap*").unwrap();
    /// let place = template.read("/data/ns1_ams-20240101.pcap.gz").unwrap();
    /// assert_eq!((place.server.as_deref(), place.site.as_deref()), (Some("ns1"), Some("ams")));
    /// ```
    pub fn parse(template: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some(letter) = rest.chars().next() {
            let size = match letter {
                '{' => {
                    let size = rest.find('}').map_or(rest.len(), |at| at + 1);
                    parts.push(braces(&rest[..size])?);
                    size
                }
                '*' => {
                    parts.push(Part::Anything);
                    1
                }
                '%' => {
                    let letter = rest[1..].chars().next();
                    add(&mut parts, date(letter)?);
                    2
                }
                _ => {
                    add(&mut parts, Part::Text(letter.to_string()));
                    letter.len_utf8()
                }
            };
            if parts.len() > TEMPLATE_PARTS_MAX {
                return Err(TemplateError::Long);
            }
            rest = &rest[size..];
        }
        check(&parts)?;
        Ok(Template { parts, components: template.split('/').count() })
    }

    /// Reads the name of a file, with or without the path before it; `None` if it is not as the template has it, or a name in
    /// it is longer than names may be.
    pub fn read(&self, path: &str) -> Option<Place> {
        let start = path.rmatch_indices('/').nth(self.components - 1).map_or(0, |(at, _)| at + 1);
        let name = &path[start..];
        let mut reading = Reading { name, parts: &self.parts, place: Place::default(), failed: Vec::new() };
        reading.failed.resize(self.parts.len() * (name.len() + 1), false);
        let is_read = reading.read(0, 0);
        let names = [&reading.place.server, &reading.place.site];
        let is_short = names.into_iter().flatten().all(|name| name.len() <= PLACE_NAME_MAX);
        (is_read && is_short).then_some(reading.place)
    }
}

/// Adds a part; text to text.
fn add(parts: &mut Vec<Part>, part: Part) {
    match (parts.last_mut(), part) {
        (Some(Part::Text(text)), Part::Text(more)) => text.push_str(&more),
        (_, part) => parts.push(part),
    }
}

fn braces(part: &str) -> Result<Part, TemplateError> {
    match part {
        "{server}" => Ok(Part::Server),
        "{site}" => Ok(Part::Site),
        "{*}" => Ok(Part::Anything),
        _ => Err(TemplateError::Part(part.chars().take(64).collect())),
    }
}

fn date(letter: Option<char>) -> Result<Part, TemplateError> {
    match letter {
        Some('Y') => Ok(Part::Digits(4)),
        Some('m' | 'd' | 'H' | 'M' | 'S' | 'y') => Ok(Part::Digits(2)),
        Some('j') => Ok(Part::Digits(3)),
        Some('s' | 'f') => Ok(Part::Number),
        Some('%') => Ok(Part::Text("%".to_string())),
        other => Err(TemplateError::Date(other.into_iter().collect())),
    }
}

fn check(parts: &[Part]) -> Result<(), TemplateError> {
    let named = [(Part::Server, "{server}"), (Part::Site, "{site}")];
    for (part, name) in &named {
        if parts.iter().filter(|other| *other == part).count() > 1 {
            return Err(TemplateError::Twice(name));
        }
        let is_open = |part: &Part| matches!(part, Part::Server | Part::Site | Part::Anything);
        if parts.windows(2).any(|pair| pair[0] == *part && is_open(&pair[1])) {
            return Err(TemplateError::Touching(name));
        }
    }
    let is_named = parts.iter().any(|part| named.iter().any(|(other, _)| other == part));
    if is_named { Ok(()) } else { Err(TemplateError::Nothing) }
}

/// A name of a file that is held against a template.
struct Reading<'a> {
    name: &'a str,
    parts: &'a [Part],
    place: Place,
    /// What has been tried in vain, by part and by octet of the name, so that it is not tried again.
    failed: Vec<bool>,
}

impl Reading<'_> {
    /// Whether the parts from this one on are all that is in the name from here on. Sets what they name.
    fn read(&mut self, part: usize, at: usize) -> bool {
        let rest = &self.name[at..];
        let Some(this) = self.parts.get(part) else { return rest.is_empty() };
        let tried = part * (self.name.len() + 1) + at;
        if self.failed[tried] {
            return false;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let component = rest.find('/').unwrap_or(rest.len());
        let (least, most) = match this {
            Part::Text(text) if rest.starts_with(text.as_str()) => (text.len(), text.len()),
            Part::Digits(count) if *count <= digits => (*count, *count),
            Part::Number => (1, digits),
            Part::Server | Part::Site => (1, component),
            Part::Anything => (0, component),
            Part::Text(_) | Part::Digits(_) => (1, 0),
        };
        let ends = (least..=most).filter(|&size| rest.is_char_boundary(size));
        for size in ends {
            if self.read(part + 1, at + size) {
                match this {
                    Part::Server => self.place.server = Some(rest[..size].to_string()),
                    Part::Site => self.place.site = Some(rest[..size].to_string()),
                    _ => {}
                }
                return true;
            }
        }
        self.failed[tried] = true;
        false
    }
}

/// A table of addresses and of what stands there. Of several prefixes the longest counts.
#[derive(Debug, Default)]
pub struct Places {
    places: Vec<Place>,
    v4: Ranges,
    v6: Ranges,
}

/// Why a file is no such table.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlacesError {
    /// A line that cannot be read.
    #[error("line {line}: {what}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// There is no line with an address.
    #[error("has no addresses in it; a line is an address or prefix, a server and a site")]
    Empty,
}

impl Places {
    /// Reads a table. A line is an address or a prefix, a server, and (if wanted) a site, with commas, tabs or other white
    /// space between them; in quotes a name may have any of these. `-` stands for no name. Empty lines do not count, nor
    /// those that begin with `#`, nor a first line that begins with the word `address` or `prefix`.
    ///
    /// # Errors
    /// [`PlacesError`] names the line.
    ///
    /// ```
    /// # use dpp::enrich::Places;
    /// let places = Places::parse(b"192.0.2.0/24 ns1 ams\n192.0.2.53 ns1 lon\n").unwrap();
    /// let place = places.of("192.0.2.53".parse().unwrap()).unwrap();
    /// assert_eq!(place.site.as_deref(), Some("lon"));
    /// ```
    pub fn parse(file: &[u8]) -> Result<Self, PlacesError> {
        let (mut table, mut numbers) = (Places::default(), HashMap::new());
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let mut is_first = true;
        let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
        for (line, bytes) in (1..).zip(file.split(|&octet| octet == b'\n')) {
            let wrong = |what| PlacesError::Line { line, what };
            let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8 text".to_string()))?.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let fields = fields(text).map_err(wrong)?;
            if std::mem::take(&mut is_first) && is_heading(&fields[0]) {
                continue;
            }
            let (address, length) = prefix(&fields[0]).map_err(wrong)?;
            let place = place(&fields).map_err(wrong)?;
            let number = *numbers.entry(place).or_insert_with_key(|place| {
                table.places.push(place.clone());
                table.places.len() - 1
            });
            match address {
                IpAddr::V4(address) => {
                    let first = u128::from(address.to_bits()) << 96;
                    v4.push(Prefix { first, length, number, line });
                }
                IpAddr::V6(address) => v6.push(Prefix { first: address.to_bits(), length, number, line }),
            }
        }
        if v4.is_empty() && v6.is_empty() {
            return Err(PlacesError::Empty);
        }
        table.v4 = Ranges::of(v4)?;
        table.v6 = Ranges::of(v6)?;
        Ok(table)
    }

    /// What stands at an address.
    #[inline]
    pub fn of(&self, address: IpAddr) -> Option<&Place> {
        let number = match address {
            IpAddr::V4(address) => self.v4.find(u128::from(address.to_bits()) << 96),
            IpAddr::V6(address) => self.v6.find(address.to_bits()),
        };
        self.places.get(number?)
    }

    /// The addresses of a server, as ranges from the first to the last; none if the table does not name it. What a longer prefix
    /// gives to another is not among them.
    pub fn addresses_of(&self, server: &str) -> Vec<(IpAddr, IpAddr)> {
        let is_its = |number: usize| self.places[number].server.as_deref() == Some(server);
        let v4 = self.v4.of_places(is_its).map(|(first, last)| {
            let [first, last] = [first, last].map(|bits| IpAddr::V4(((bits >> 96) as u32).into()));
            (first, last)
        });
        let v6 = self.v6.of_places(is_its).map(|(first, last)| {
            let [first, last] = [first, last].map(|bits| IpAddr::V6(bits.into()));
            (first, last)
        });
        v4.chain(v6).collect()
    }

    /// All places, each once, in the order in which the table names them.
    pub fn all(&self) -> &[Place] {
        &self.places
    }
}

fn is_heading(field: &str) -> bool {
    let words = ["address", "prefix", "network", "ip"];
    words.iter().any(|word| field.eq_ignore_ascii_case(word))
}

/// The fields of a line that is not empty: at least one. A comma or a tab is a separator wherever there is one; white space
/// is, where there is neither.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let separator = [',', '\t'].into_iter().find(|&separator| line.contains(separator));
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                let is_end = |letter: char| match separator {
                    Some(separator) => letter == separator,
                    None => letter.is_whitespace(),
                };
                let (field, behind) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
                (field.trim().to_string(), behind)
            }
        };
        fields.push(field);
        let behind =
            behind.trim_start_matches(|letter: char| letter.is_whitespace() && Some(letter) != separator);
        rest = match separator {
            None if behind.is_empty() || behind.starts_with('#') => return Ok(fields),
            None => behind,
            Some(_) if behind.is_empty() => return Ok(fields),
            Some(separator) => {
                let rest = behind.strip_prefix(separator);
                rest.ok_or("there is something between a closing quote and the next field")?
                    .trim_start_matches(' ')
            }
        };
    }
}

/// The text up to the closing quote, and what is behind it. Two quotes are one.
fn quoted_field(text: &str) -> Result<(String, &str), String> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (before, behind) = rest.split_once('"').ok_or("a quote is not closed")?;
        field.push_str(before);
        match behind.strip_prefix('"') {
            Some(more) => (field, rest) = (field + "\"", more),
            None => return Ok((field, behind)),
        }
    }
}

/// An address and how many of its bits count.
fn prefix(text: &str) -> Result<(IpAddr, u32), String> {
    let shown: String = text.chars().take(64).collect();
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address
        .parse()
        .map_err(|_| format!("'{shown}' is no address, such as 192.0.2.1 or 2001:db8::/32"))?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Some(bits), |length| length.parse().ok().filter(|&length| length <= bits));
    let length =
        length.ok_or_else(|| format!("'{shown}': the length of a prefix is a number from 0 to {bits}"))?;
    let first = match address {
        IpAddr::V4(address) => {
            IpAddr::from((address.to_bits() & !u32::MAX.checked_shr(length).unwrap_or(0)).to_be_bytes())
        }
        IpAddr::V6(address) => {
            IpAddr::from((address.to_bits() & !u128::MAX.checked_shr(length).unwrap_or(0)).to_be_bytes())
        }
    };
    if first != address {
        return Err(format!("'{shown}' is no prefix; write {first}/{length}, or the address alone"));
    }
    Ok((address, length))
}

fn place(fields: &[String]) -> Result<Place, String> {
    let name = |at: usize| fields.get(at).filter(|name| !name.is_empty() && *name != "-").cloned();
    let place = Place { server: name(1), site: name(2) };
    if fields.len() > 3 {
        return Err(format!(
            "there are {} fields; put names with spaces or commas into quotes",
            fields.len()
        ));
    }
    if place == Place::default() {
        return Err("there is neither a server nor a site behind the address".to_string());
    }
    if [&place.server, &place.site].into_iter().flatten().any(|name| name.len() > PLACE_NAME_MAX) {
        return Err(format!("a name has more than {PLACE_NAME_MAX} octets"));
    }
    Ok(place)
}

/// A line of the table. Addresses are the highest bits of a number.
struct Prefix {
    first: u128,
    length: u32,
    number: usize,
    line: usize,
}

impl Prefix {
    fn last(&self) -> u128 {
        self.first | u128::MAX.checked_shr(self.length).unwrap_or(0)
    }
}

/// Prefixes made into ranges that do not overlap: one begins where the one before ends.
#[derive(Debug, Default)]
struct Ranges {
    starts: Vec<u128>,
    /// The place of each; `None` where no prefix is.
    numbers: Vec<Option<usize>>,
}

impl Ranges {
    /// Two prefixes are one within the other or have nothing in common. So they are gone through from left to right, and the
    /// ones that contain where we are lie on a stack, the longest on top.
    fn of(mut prefixes: Vec<Prefix>) -> Result<Self, PlacesError> {
        prefixes.sort_by_key(|prefix| (prefix.first, prefix.length, prefix.line));
        let mut ranges = Ranges::default();
        let mut around: Vec<&Prefix> = Vec::new();
        for prefix in &prefixes {
            while let Some(left) = around.pop_if(|left| left.last() < prefix.first) {
                ranges.begin_behind(left, around.last().copied());
            }
            if let Some(same) =
                around.last().filter(|same| same.first == prefix.first && same.length == prefix.length)
            {
                if same.number != prefix.number {
                    let what =
                        format!("has the prefix of line {} with another place; keep one of them", same.line);
                    return Err(PlacesError::Line { line: prefix.line, what });
                }
                continue;
            }
            ranges.begin(prefix.first, Some(prefix.number));
            around.push(prefix);
        }
        while let Some(left) = around.pop() {
            ranges.begin_behind(left, around.last().copied());
        }
        Ok(ranges)
    }

    fn begin_behind(&mut self, left: &Prefix, around: Option<&Prefix>) {
        if let Some(next) = left.last().checked_add(1) {
            self.begin(next, around.map(|prefix| prefix.number));
        }
    }

    /// What begins here. Of several the last counts: it is longer, or begins where the others end.
    fn begin(&mut self, start: u128, number: Option<usize>) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.numbers.pop();
        }
        self.starts.push(start);
        self.numbers.push(number);
    }

    /// The ranges of places, from first to last.
    fn of_places(&self, is_one: impl Fn(usize) -> bool) -> impl Iterator<Item = (u128, u128)> {
        let ends = self.starts.iter().skip(1).map(|next| next - 1).chain([u128::MAX]);
        let ranges = self.starts.iter().copied().zip(ends).zip(&self.numbers);
        ranges.filter(move |(_, number)| number.is_some_and(&is_one)).map(|(range, _)| range)
    }

    #[inline]
    fn find(&self, address: u128) -> Option<usize> {
        let behind = self.starts.partition_point(|&start| start <= address);
        self.numbers[behind.checked_sub(1)?]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    /// Reads a path as "server/site", with `-` for what is not there; or `no` if it is not as the template has it.
    fn check_read(template: &str, path: &str, expected: &str) {
        let place = Template::parse(template).unwrap().read(path);
        let shown = |name: Option<String>| name.unwrap_or("-".to_string());
        let told =
            place.map_or("no".to_string(), |place| format!("{}/{}", shown(place.server), shown(place.site)));
        assert_eq!(told, expected, "{template} on {path}");
    }

    #[test]
    fn names_of_files_are_read() {
        check_read("{server}_{site}-*.pcap.gz", "ns1_ams-20240101.pcap.gz", "ns1/ams");
        check_read("{server}_{site}-*.pcap.gz", "/data/x_y/ns1_ams-.pcap.gz", "ns1/ams");
        check_read("{server}_{site}-*.pcap.gz", "ns1_ams-20240101.pcap", "no");
        check_read("{server}_{site}-*.pcap.gz", "_ams-1.pcap.gz", "no");
        check_read("{site}.pcap", "ams.pcap", "-/ams");
        check_read("{*}.{server}.pcap", "a.b.c.pcap", "b.c/-");
        check_read("{server}-b.pcap", "a-b-b.pcap", "a-b/-");
        check_read("{server}ü*", "éü", "é/-");
    }

    #[test]
    fn parts_of_dates_are_digits() {
        check_read("{server}_%Y%m%d.pcap", "ns1_a_20240101.pcap", "ns1_a/-");
        check_read("{server}_%Y%m%d.pcap", "ns1_2024010x.pcap", "no");
        check_read("{server}-%s.%f.pcap", "ns1-1-1704067200.000.pcap", "ns1-1/-");
        check_read("100%%-{server}-%j%y%H%M%S", "100%-a-00124235959", "a/-");
    }

    #[test]
    fn folders_may_tell_too() {
        check_read("{site}/{server}/*.pcap", "/data/ams/ns1/x.pcap", "ns1/ams");
        check_read("{site}/{server}/*.pcap", "ams/ns1/x.pcap", "ns1/ams");
        check_read("{site}/{server}/*.pcap", "ns1/x.pcap", "no");
    }

    #[test]
    fn many_wildcards_take_little_time() {
        check_read(&format!("{}{{server}}!", "*a".repeat(30)), &"a".repeat(255), "no");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        let refused = |template: &str, expected: &str| {
            let told = Template::parse(template).unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        };
        refused("{sever}-*", "no part '{sever}'; there are {server}, {site} and {*}");
        refused("{server", "no part '{server'");
        refused("{server}-%q", "'%q'");
        refused("{server}%", "'%'");
        refused("*.pcap", "neither {server} nor {site}");
        refused("", "neither");
        refused("{server}-{server}", "{server} is in it twice");
        refused("{server}{site}", "{server} and what follows it");
        refused("{site}*", "{site} and what follows it");
        refused(&format!("{{site}}{}", "-*".repeat(64)), "more than 64 parts");
    }

    /// What stands at an address: "server/site", or `-`.
    fn check_of(table: &str, address: &str, expected: &str) {
        let places = Places::parse(table.as_bytes()).unwrap();
        let shown = |name: &Option<String>| name.clone().unwrap_or_default();
        let told = places.of(address.parse().unwrap());
        let told =
            told.map_or("-".to_string(), |place| format!("{}/{}", shown(&place.server), shown(&place.site)));
        assert_eq!(told, expected, "{address}");
    }

    #[test]
    fn the_addresses_of_a_server_are_ranges() {
        let table = "192.0.2.0/24 ns1 ams\n192.0.2.53 ns2\n255.255.255.255 ns1\n2001:db8::/127 ns1 lon\n";
        let places = Places::parse(table.as_bytes()).unwrap();
        let told = |server| {
            let ranges = places.addresses_of(server).into_iter();
            ranges.map(|(first, last)| format!("{first}-{last}")).collect::<Vec<_>>().join(" ")
        };
        let ranges = "192.0.2.0-192.0.2.52 192.0.2.54-192.0.2.255 255.255.255.255-255.255.255.255 2001:db8::-2001:db8::1";
        assert_eq!((told("ns1"), told("ns2")), (ranges.to_string(), "192.0.2.53-192.0.2.53".to_string()));
        assert_eq!(told("ns3"), "");
    }

    #[test]
    fn the_longest_prefix_counts() {
        let table = "10.0.0.0/8 a x\n10.1.0.0/16 b y\n10.1.2.3 c z\n2001:db8::/32 d\n::/0 all -\n";
        for (address, expected) in [
            ("10.0.0.1", "a/x"),
            ("10.1.0.0", "b/y"),
            ("10.1.2.3", "c/z"),
            ("10.1.2.4", "b/y"),
            ("10.2.0.0", "a/x"),
            ("10.255.255.255", "a/x"),
            ("11.0.0.0", "-"),
            ("9.255.255.255", "-"),
            ("2001:db8::1", "d/"),
            ("2001:db9::", "all/"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "all/"),
        ] {
            check_of(table, address, expected);
        }
        check_of("0.0.0.0/0 a\n255.255.255.255 b\n0.0.0.0 c\n", "255.255.255.255", "b/");
    }

    #[test]
    fn tables_are_written_in_several_ways() {
        for table in [
            "192.0.2.1 ns1 ams",
            "# a comment\n\n  192.0.2.1\tns1\tams  \r\n",
            "address,server,site\n192.0.2.1,ns1,ams\n",
            "Prefix server site\n192.0.2.1/32   ns1 ams  # a comment",
            "\u{feff}192.0.2.1, \"ns1\" ,\"ams\"",
            "192.0.2.1 ns1 ams\n192.0.2.1 ns1 ams\n",
        ] {
            check_of(table, "192.0.2.1", "ns1/ams");
        }
        check_of("192.0.2.1,\"a, \"\"b\"\"\",New York", "192.0.2.1", "a, \"b\"/New York");
        check_of("192.0.2.1 \"New York\"", "192.0.2.1", "New York/");
        check_of("192.0.2.1,,ams", "192.0.2.1", "/ams");
        check_of("192.0.2.1 - ams", "192.0.2.1", "/ams");
        check_of("192.0.2.1\t\tams", "192.0.2.1", "/ams");
    }

    #[test]
    fn lines_that_cannot_be_read_are_named() {
        let refused = |table: &[u8], expected: &str| {
            let told = Places::parse(table).unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        };
        refused(b"192.0.2.1 a\nns1 192.0.2.1\n", "line 2: 'ns1' is no address, such as 192.0.2.1");
        refused(b"192.0.2.1/24 a", "write 192.0.2.0/24, or the address alone");
        refused(b"2001:db8::1/0 a", "write ::/0");
        refused(b"192.0.2.1/33 a", "a number from 0 to 32");
        refused(b"192.0.2.0/24 a\n\n192.0.2.0/24 b\n", "line 3: has the prefix of line 1 with another place");
        refused(b"192.0.2.1\n", "line 1: there is neither a server nor a site");
        refused(b"192.0.2.1 - -\n", "neither");
        refused(b"192.0.2.1 a b c d\n", "there are 5 fields");
        refused(b"192.0.2.1,\"a\n", "a quote is not closed");
        refused(b"192.0.2.1,\"a\"b\n", "between a closing quote");
        refused(b"a\n\xFF\n", "line 1");
        refused(b"address\n\xFF\n", "line 2: is not UTF-8 text");
        refused(format!("192.0.2.1 {}", "a".repeat(256)).as_bytes(), "more than 255 octets");
        refused(b"# nothing\n", "no addresses");
    }

    #[test]
    fn tables_say_what_a_plain_list_says() {
        let prefixes = vec((any::<u8>(), 24..=32u32, 0..4usize), 1..20);
        let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let held = TestRunner::new_with_rng(config, rng).run(&prefixes, |prefixes| {
            let mut list: Vec<(u32, u32, usize)> = Vec::new();
            for (low, length, place) in prefixes {
                let first = (u32::from(low) | 0xC000_0200) & (u32::MAX << (32 - length));
                if list.iter().all(|other| (other.0, other.1) != (first, length)) {
                    list.push((first, length, place));
                }
            }
            let lines = list.iter().map(|(first, length, place)| {
                format!("{}/{length} {place}\n", std::net::Ipv4Addr::from_bits(*first))
            });
            let places = Places::parse(lines.collect::<String>().as_bytes()).unwrap();
            for address in 0xC000_01FF..=0xC000_0300u32 {
                let within = list.iter().filter(|(first, length, _)| (address ^ first) >> (32 - length) == 0);
                let expected =
                    within.max_by_key(|(_, length, _)| *length).map(|(_, _, place)| place.to_string());
                let told = places.of(IpAddr::from(address.to_be_bytes()));
                prop_assert_eq!(told.and_then(|place| place.server.clone()), expected);
            }
            Ok(())
        });
        held.unwrap();
    }
}
