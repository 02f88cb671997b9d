//! What is asked of the records of nearly every message, found in one walk over them: the response code, the OPT record, and
//! where in the answer lies what is asked for most often.
//!
//! Whoever inspects a message walks over all of its records anyway. Where that walk comes to the end of a sound message, it has
//! seen all that a [survey](Survey) is made of; only of a message that is damaged or was cut it has to be made once more, as
//! what can be read behind a flaw counts too.

use super::edns::Opt;
use super::message::{TYPE_OPT, TYPE_TSIG, tsig_error_of};
use super::rdata::rdata_address;
use super::{Message, ParseError, Record, Section, name};
use std::num::NonZeroU32;

const TYPE_A: u16 = 1;
const TYPE_CNAME: u16 = 5;
const TYPE_AAAA: u16 = 28;

/// What the records of a message say, as far as they can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// The first OPT record of the additional section.
    pub(crate) opt: Option<Found>,
    /// Where the address of the first record of type A in the answer section is that has one.
    pub(crate) a: Option<NonZeroU32>,
    /// The same of type AAAA.
    pub(crate) aaaa: Option<NonZeroU32>,
    /// The first record of type CNAME there.
    pub(crate) cname: Option<Found>,
    /// The least TTL there, seconds.
    pub(crate) ttl_min: Option<u32>,
    /// The error of the last TSIG record.
    tsig_error: u16,
    /// Whether there is a record that has to be understood for the response code, and was not.
    is_torn: bool,
}

/// A record, and where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    rdata_at: NonZeroU32,
    length: u16,
    /// Of OPT, the longest datagram that the sender can take.
    class: u16,
    /// Of OPT, the upper bits of the response code, the version and the flags.
    ttl: u32,
}

impl Found {
    fn of(record: &Record) -> Option<Found> {
        let rdata_at = u32::try_from(record.rdata_at).ok().and_then(NonZeroU32::new)?;
        let length = u16::try_from(record.rdata.len()).ok()?;
        Some(Found { rdata_at, length, class: record.class, ttl: record.ttl })
    }

    /// Where in the message its data starts.
    pub(crate) fn rdata_at(&self) -> usize {
        self.rdata_at.get() as usize
    }

    /// Its data. `message` is the bytes of the message that it was found in.
    pub(crate) fn rdata<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        message.get(self.rdata_at()..).and_then(|rest| rest.get(..self.length.into())).unwrap_or_default()
    }

    /// An OPT record but for its options.
    pub(crate) fn opt(&self) -> Opt<'static> {
        let [extended_rcode, version, flags @ ..] = self.ttl.to_be_bytes();
        let flags = u16::from_be_bytes(flags);
        Opt { udp_size: self.class, extended_rcode, version, flags, options: &[] }
    }

    /// The name that a CNAME record leads to; `scratch` holds it if it was compressed.
    pub(crate) fn target<'b>(
        &self,
        message: &'b [u8],
        scratch: &'b mut [u8; name::WIRE_MAX],
    ) -> Option<&'b [u8]> {
        let (wire, end) = name::read(message, self.rdata_at(), scratch).ok()?;
        (end <= self.rdata_at() + usize::from(self.length)).then_some(wire)
    }
}

impl<'a> Message<'a> {
    /// Looks over the records. `at` is where the question section ends.
    pub(crate) fn survey(&self, at: usize) -> Survey {
        let mut survey = Survey::default();
        let mut records = self.records(at);
        records.by_ref().for_each(|record| survey.see(&record));
        survey.is_torn |= !records.is_complete();
        survey
    }

    /// The same, wherever the question section ends; `None` if it does not.
    pub(crate) fn survey_behind_questions(&self) -> Option<Survey> {
        self.records_behind_questions().map(|records| self.survey(records.at()))
    }

    /// Says what is wrong with the message, as [`Message::inspect`] does, and looks over the records on the way, if they are as
    /// sound as they have to be to be surely all.
    pub(crate) fn inspect_and_survey(&self, stated_length: usize) -> (Option<ParseError>, Option<Survey>) {
        let mut survey = Survey::default();
        let (error, is_whole) = self.inspect_records(stated_length, |record| survey.see(record));
        (error, is_whole.then_some(survey))
    }
}

impl Survey {
    /// The complete response code of the message that was looked over, as [`Message::response_code`] has it; `None` if the
    /// records cannot be walked.
    pub(crate) fn response_code(&self, message: &Message) -> Option<u16> {
        let extension = self.opt.map_or(0, |opt| opt.opt().extended_rcode);
        match message.counts()[3] {
            0 => Some(message.header_rcode()),
            _ if self.is_torn => None,
            _ => Some(message.extended_by(extension, self.tsig_error)),
        }
    }

    #[inline]
    fn see(&mut self, record: &Record) {
        match record.section {
            Section::Answer => self.see_answer(record),
            Section::Authority => {}
            Section::Additional => match record.rtype {
                TYPE_OPT if self.opt.is_none() => self.opt = Found::of(record),
                TYPE_TSIG => match tsig_error_of(record.rdata) {
                    Ok(error) => self.tsig_error = error,
                    Err(_) => self.is_torn = true,
                },
                _ => {}
            },
        }
    }

    #[inline]
    fn see_answer(&mut self, record: &Record) {
        self.ttl_min = Some(self.ttl_min.map_or(record.ttl, |least| least.min(record.ttl)));
        let place = match record.rtype {
            TYPE_A => &mut self.a,
            TYPE_AAAA => &mut self.aaaa,
            TYPE_CNAME if self.cname.is_none() => return self.cname = Found::of(record),
            _ => return,
        };
        if place.is_none() && rdata_address(record).is_some() {
            *place = u32::try_from(record.rdata_at).ok().and_then(NonZeroU32::new);
        }
    }
}
