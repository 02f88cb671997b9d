//! Where an address is and whose it is: country, autonomous system and its organisation, from databases in MaxMind's format
//! (MaxMind, DB-IP, IPinfo and others publish them).
//!
//! A database is gone through once, when it is opened: each distinct value of its tree becomes an [`Entry`] of twelve octets.
//! After that a look-up is a walk down the tree and one entry, and there is nothing left to be decoded, remembered or
//! damaged. It also means that a file which is damaged anywhere is refused before the run, and not half believed.

use super::mmdb::{Damage, Shape, Tree, Values, split_metadata};
use crate::limits::AS_ORG_MAX;
use std::collections::HashMap;
use std::net::IpAddr;
use thiserror::Error;

/// What is known of an address. What no database says is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Two letters of ISO 3166-1, or what a publisher uses like them (`EU`). Where a database names no country that the
    /// address is in, the one it is registered in.
    pub country: Option<&'a str>,
    /// The number of the autonomous system that announces it. 0 belongs to none (RFC 7607) and is not given.
    pub asn: Option<u32>,
    /// The organisation of that system.
    pub as_org: Option<&'a str>,
}

/// Several databases: for each fact, the first that has it.
#[derive(Default)]
pub struct Geo {
    databases: Vec<GeoDb>,
}

impl std::fmt::Debug for Geo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Geo({} databases)", self.databases.len())
    }
}

impl Geo {
    /// Databases, those that are asked first before the others.
    pub fn new(databases: Vec<GeoDb>) -> Self {
        Geo { databases }
    }

    /// The databases, in the order in which they are asked.
    pub fn databases(&self) -> &[GeoDb] {
        &self.databases
    }

    /// All that is known of an address, for the price of one walk in each database. Organisation and number are of the same
    /// database, if one has both.
    #[inline]
    pub fn of(&self, address: IpAddr) -> Origin<'_> {
        let mut origin = Origin::default();
        for database in &self.databases {
            let next = database.of(address);
            origin.country = origin.country.or(next.country);
            if origin.asn.is_none() || origin.asn == next.asn || next.asn.is_none() {
                origin.as_org = origin.as_org.or(next.as_org);
            }
            origin.asn = origin.asn.or(next.asn);
        }
        origin
    }

    /// The country alone.
    #[inline]
    pub fn country(&self, address: IpAddr) -> Option<&str> {
        self.databases.iter().find_map(|database| database.of(address).country)
    }

    /// The number of the autonomous system alone.
    #[inline]
    pub fn asn(&self, address: IpAddr) -> Option<u32> {
        self.databases.iter().find_map(|database| database.of(address).asn)
    }

    /// The organisation of the autonomous system alone.
    #[inline]
    pub fn as_org(&self, address: IpAddr) -> Option<&str> {
        self.of(address).as_org
    }
}

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GeoError {
    /// There is no metadata at its end.
    #[error(
        "is not a database in MaxMind's format (.mmdb), or is cut; if it is compressed or in an archive, unpack it"
    )]
    Format,
    /// A version of the format that does not exist yet.
    #[error("has version {0} of MaxMind's format; version 2 can be read")]
    Version(u64),
    /// Something in it cannot be.
    #[error("is damaged: {0}; fetch it again")]
    Damaged(&'static str),
    /// Nothing that we look for.
    #[error("has neither countries nor autonomous systems (its type is '{0}')")]
    Nothing(String),
}

impl From<Damage> for GeoError {
    fn from(Damage(what): Damage) -> Self {
        GeoError::Damaged(what)
    }
}

/// What a database says of itself, and how much of what we look for is in it. For reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeoKind {
    /// Its type, such as `GeoLite2-Country`: at most 64 printable characters.
    pub database_type: String,
    /// When it was built: seconds since 1970.
    pub built: u64,
    /// Whether it has addresses of IPv6 beside those of IPv4.
    pub has_v6: bool,
    /// Whether any value in it names a country,
    pub countries: bool,
    /// or an autonomous system,
    pub asns: bool,
    /// or the organisation of one.
    pub as_orgs: bool,
}

/// One database, opened.
pub struct GeoDb {
    tree: Tree,
    /// By the tree's numbers.
    entries: Vec<Entry>,
    /// All organisations, one behind the other.
    orgs: String,
    kind: GeoKind,
}

/// What one value says.
#[derive(Clone, Copy, Default)]
struct Entry {
    /// Two octets of ASCII, or zeros.
    country: [u8; 2],
    org_size: u16,
    org_start: u32,
    /// Or 0.
    asn: u32,
}

impl GeoDb {
    /// Opens the database in a file's content.
    ///
    /// Takes one to two times the file's size in memory, and afterwards about as much as its tree.
    ///
    /// # Errors
    /// [`GeoError`], in words to put behind the file's name.
    pub fn open(file: Vec<u8>) -> Result<Self, GeoError> {
        let (body, metadata) = split_metadata(&file).ok_or(GeoError::Format)?;
        let (shape, mut kind) = read_metadata(metadata)?;
        let (tree, data) = shape.sections(body)?;
        let (tree, places) = Tree::read(shape, tree, data.len())?;
        let mut reading =
            Reading { values: Values::new(data), data, orgs: String::new(), known: HashMap::new() };
        let entries: Result<Vec<Entry>, Damage> =
            places.iter().map(|&place| reading.entry(place as usize)).collect();
        let entries = entries?;
        kind.countries = entries.iter().any(|entry| entry.country != [0; 2]);
        kind.asns = entries.iter().any(|entry| entry.asn != 0);
        kind.as_orgs = entries.iter().any(|entry| entry.org_size > 0);
        if !(kind.countries || kind.asns || kind.as_orgs) {
            return Err(GeoError::Nothing(kind.database_type));
        }
        Ok(GeoDb { tree, entries, orgs: reading.orgs, kind })
    }

    /// What kind of database it is.
    pub fn kind(&self) -> &GeoKind {
        &self.kind
    }

    /// What it says of an address.
    #[inline]
    pub fn of(&self, address: IpAddr) -> Origin<'_> {
        let Some(entry) = self.tree.find(address).and_then(|number| self.entries.get(number)) else {
            return Origin::default();
        };
        let org = entry.org_start as usize..entry.org_start as usize + usize::from(entry.org_size);
        Origin {
            country: std::str::from_utf8(&entry.country).ok().filter(|_| entry.country != [0; 2]),
            asn: Some(entry.asn).filter(|&asn| asn != 0),
            as_org: self.orgs.get(org).filter(|org| !org.is_empty()),
        }
    }
}

fn read_metadata(metadata: &[u8]) -> Result<(Shape, GeoKind), GeoError> {
    let mut values = Values::new(metadata);
    let keys = [
        "binary_format_major_version",
        "node_count",
        "record_size",
        "ip_version",
        "build_epoch",
        "database_type",
    ];
    let fields = values.fields(0, &keys)?;
    let mut number = |field: Option<usize>| match field {
        Some(at) => values.number(at),
        None => Ok(None),
    };
    let missing = Damage("its metadata lacks a number");
    match number(fields[0])?.ok_or(missing)? {
        2 => {}
        version => return Err(GeoError::Version(version)),
    }
    let nodes = usize::try_from(number(fields[1])?.ok_or(missing)?);
    let record_bits = number(fields[2])?.ok_or(missing)?;
    let has_v6 = match number(fields[3])? {
        Some(4) => false,
        Some(6) => true,
        _ => return Err(GeoError::Damaged("its version of IP does not exist")),
    };
    let built = number(fields[4])?.unwrap_or(0);
    let shape = Shape {
        nodes: nodes.map_err(|_| Damage("it has more nodes than memory can hold"))?,
        record_bits: usize::try_from(record_bits)
            .ok()
            .filter(|bits| [24, 28, 32].contains(bits))
            .ok_or(Damage("its records have a size that does not exist"))?,
        has_v6,
    };
    let name = fields[5].map(|at| values.text(at)).transpose()?.flatten().map_or(&b""[..], |(_, name)| name);
    let name = String::from_utf8_lossy(&name[..name.len().min(256)]);
    let database_type = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
    let kind = GeoKind { database_type, built, has_v6, countries: false, asns: false, as_orgs: false };
    Ok((shape, kind))
}

/// The keys of a value, and what is read from them. Publishers have their own:
///
/// | fact | MaxMind, DB-IP | IPinfo | others |
/// | --- | --- | --- | --- |
/// | country | `country.iso_code`, else `registered_country.iso_code` | `country_code`, else `country` | `country_code` |
/// | number | `autonomous_system_number`, also in `traits` | `asn` ("AS64500") | `asn` |
/// | organisation | `autonomous_system_organization`, also in `traits` | `as_name`, or `name` beside `asn` | |
const KEYS: [&str; 9] = [
    "country",
    "country_code",
    "registered_country",
    "autonomous_system_number",
    "autonomous_system_organization",
    "asn",
    "as_name",
    "name",
    "traits",
];

/// The data section while entries are made of its values.
struct Reading<'a> {
    values: Values<'a>,
    data: &'a [u8],
    orgs: String,
    /// Where in `orgs` the texts are, by their place in the data section.
    known: HashMap<usize, (u32, u16)>,
}

impl Reading<'_> {
    fn entry(&mut self, at: usize) -> Result<Entry, Damage> {
        let [country, code, registered, number, org, asn, as_name, name, traits] =
            self.values.fields(at, &KEYS)?;
        let [trait_number, trait_org] = match traits {
            Some(at) => self.values.fields(at, &[KEYS[3], KEYS[4]])?,
            None => [None, None],
        };
        let name = name.filter(|_| asn.is_some());
        let mut entry = Entry { country: self.country(code, country, registered)?, ..Entry::default() };
        for at in [number, trait_number, asn].into_iter().flatten() {
            if entry.asn == 0 {
                entry.asn = self.asn(at)?;
            }
        }
        for at in [org, trait_org, as_name, name].into_iter().flatten() {
            if entry.org_size == 0 {
                (entry.org_start, entry.org_size) = self.org(at)?;
            }
        }
        Ok(entry)
    }

    /// The first of these that is a country: a code, or a map with one.
    fn country(
        &mut self,
        code: Option<usize>,
        country: Option<usize>,
        registered: Option<usize>,
    ) -> Result<[u8; 2], Damage> {
        for at in [code, country, registered].into_iter().flatten() {
            let [inner] = self.values.fields(at, &["iso_code"])?;
            let text = self.values.text(inner.unwrap_or(at))?;
            // IPinfo has codes under `country` in some products, and names in others.
            if let Some((_, &[first, second])) = text
                && first.is_ascii_alphanumeric()
                && second.is_ascii_alphanumeric()
            {
                return Ok([first, second]);
            }
        }
        Ok([0; 2])
    }

    /// A number, or one in a text, with or without "AS" before it.
    fn asn(&mut self, at: usize) -> Result<u32, Damage> {
        let number = match self.values.text(at)? {
            None => self.values.number(at)?.and_then(|number| u32::try_from(number).ok()),
            Some((_, text)) => {
                let prefixed = text.len() > 2 && text[..2].eq_ignore_ascii_case(b"AS");
                let digits = if prefixed { &text[2..] } else { text };
                std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok())
            }
        };
        Ok(number.unwrap_or(0))
    }

    /// Where the organisation at `at` is among the others; an empty range if it is no text.
    fn org(&mut self, at: usize) -> Result<(u32, u16), Damage> {
        let Some((place, text)) = self.values.text(at)? else { return Ok((0, 0)) };
        if let Some(&known) = self.known.get(&place) {
            return Ok(known);
        }
        let text = std::str::from_utf8(text).map_err(|_| Damage("a name is not UTF-8"))?;
        let size = u16::try_from(text.len()).ok().filter(|&size| usize::from(size) <= AS_ORG_MAX);
        let size = size.ok_or(Damage("a name is longer than names are"))?;
        let start =
            u32::try_from(self.orgs.len()).map_err(|_| Damage("it has more names than can be held"))?;
        self.orgs.push_str(text);
        // Texts that do not overlap are not longer together than the section they are in.
        if self.orgs.len() > self.data.len() {
            return Err(Damage("its values are entangled"));
        }
        self.known.insert(place, (start, size));
        Ok((start, size))
    }
}

#[cfg(test)]
mod tests;
