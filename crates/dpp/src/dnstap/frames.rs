//! Frame Streams (farsightsec/fstrm): how frames follow each other in a file or on a socket.
//!
//! ```text
//!  data frame      length 4 | data                                      the length is never 0
//!  control frame   0 4 | length 4 | control type 4 | fields             at most 512 bytes from the type on
//!  field           field type 4 | length 4 | data                       only one is known: 1, the content type
//! ```
//! All numbers are big-endian. A file is START, data frames, STOP. On a socket the sender first says READY and waits for
//! ACCEPT, and after STOP for FINISH. Frames of a sender that crashed lack their STOP, and `cat` puts one stream behind
//! another; both are read. [`Frames`] reads a stream; the few control frames of a handshake are read with [`control`] and
//! written with [`write_control`].

use crate::limits;

/// The content type of dnstap.
pub const CONTENT_TYPE: &[u8] = b"protobuf:dnstap.Dnstap";

/// So many bytes of a stream are enough to recognise it: its first control frame, at its longest.
pub const OPENING_MAX: usize = ESCAPE + CONTROL_MAX;

/// A control frame may have so many bytes from its type on. The protocol's own bound.
const CONTROL_MAX: usize = 512;
/// A content type may have so many. The protocol's own bound.
const CONTENT_TYPE_MAX: usize = 256;
/// The zero that says that no data follows, and the length of the control frame.
const ESCAPE: usize = 8;
/// The length before a data frame.
const LENGTH: usize = 4;
const FIELD_CONTENT_TYPE: u32 = 1;

/// What stands at a place in a stream of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A data frame: its payload, from the place, and the length of the whole frame.
    Data {
        /// Where the payload starts.
        start: usize,
        /// How many bytes it has.
        length: usize,
        /// The bytes of the whole frame.
        total: usize,
    },
    /// A data frame of more than [`limits::DNSTAP_FRAME_MAX`] bytes; with its length it takes so many. It can be stepped over.
    TooLong {
        /// The bytes of the whole frame.
        total: u64,
    },
    /// A control frame.
    Control {
        /// What it says.
        kind: ControlType,
        /// The bytes of the whole frame.
        total: usize,
    },
    /// More bytes are needed to tell.
    More,
    /// Something that cannot be. What follows cannot be found.
    Damaged(&'static str),
}

/// Reads a stream from its START on, frame by frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Between START and STOP.
    open: bool,
}

impl Frames {
    /// A stream of which nothing is read yet.
    pub fn new() -> Self {
        Frames::default()
    }

    /// Whether a STOP is still to come. A stream that ends so behind a whole frame was cut off there, by a crash perhaps.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// What the frame at the start of `bytes` is. The next one stands behind it.
    ///
    /// ```
    /// use dpp::dnstap::frames::{self, Frames, Step};
    /// let mut stream = Vec::new();
    /// frames::write_start(&mut stream);
    /// frames::write_frame(&mut stream, b"payload");
    /// let mut frames = Frames::new();
    /// let Step::Control { total, .. } = frames.step(&stream) else { panic!() };
    /// assert_eq!(frames.step(&stream[total..]), Step::Data { start: 4, length: 7, total: 11 });
    /// ```
    #[inline(always)]
    pub fn step(&mut self, bytes: &[u8]) -> Step {
        let Some(length) = number(bytes, 0) else { return Step::More };
        if length == 0 || length > limits::DNSTAP_FRAME_MAX || !self.open {
            return self.step_seldom(bytes, length);
        }
        let length = length as usize;
        let total = LENGTH + length;
        if total > bytes.len() { Step::More } else { Step::Data { start: LENGTH, length, total } }
    }

    #[cold]
    #[inline(never)]
    fn step_seldom(&mut self, bytes: &[u8], length: u32) -> Step {
        if length > 0 {
            return match self.open {
                true => Step::TooLong { total: LENGTH as u64 + u64::from(length) },
                false => Step::Damaged("a data frame outside of START and STOP"),
            };
        }
        match control(bytes) {
            Ok(Some((control, total))) => match self.enter(&control) {
                Ok(()) => Step::Control { kind: control.kind, total },
                Err(what) => Step::Damaged(what),
            },
            Ok(None) => Step::More,
            Err(what) => Step::Damaged(what),
        }
    }

    /// Follows a control frame. A START where a STOP is missing is what `cat` makes of a file that a crash has cut.
    fn enter(&mut self, control: &Control) -> Result<(), &'static str> {
        match control.kind {
            ControlType::Start if !control.allows_dnstap() => return Err(OTHER_CONTENT),
            ControlType::Start => self.open = true,
            ControlType::Stop => self.open = false,
            ControlType::Ready | ControlType::Accept | ControlType::Finish => {
                return Err("a control frame of the handshake within a stream");
            }
            // It never changes what the frames are.
            ControlType::Other(_) => {}
        }
        Ok(())
    }
}

const OTHER_CONTENT: &str = "a stream of another content type than dnstap";

/// Whether a stream with these first bytes is one of Frame Streams: it begins with a START. Of what, [`check_opening`]
/// says.
pub fn begins(bytes: &[u8]) -> bool {
    let length = number(bytes, 4).unwrap_or(0) as usize;
    number(bytes, 0) == Some(0)
        && (4..=CONTROL_MAX).contains(&length)
        && number(bytes, ESCAPE) == Some(ControlType::Start.number())
}

/// Looks whether a stream that [`begins`] as one of Frame Streams, and of which these are the first [`OPENING_MAX`] bytes
/// if there are so many, is dnstap.
///
/// # Errors
/// What is wrong with it.
pub fn check_opening(bytes: &[u8]) -> Result<(), WrongOpening<'_>> {
    match control(bytes) {
        Ok(Some((start, _))) if start.allows_dnstap() => Ok(()),
        Ok(Some((start, _))) => {
            Err(WrongOpening::OtherContent(start.content_types().next().expect("an absent one is allowed")))
        }
        Ok(None) => Err(WrongOpening::Cut),
        Err(what) => Err(WrongOpening::Damaged(what)),
    }
}

/// Why a stream of frames is none of dnstap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongOpening<'a> {
    /// It is of this content type.
    OtherContent(&'a [u8]),
    /// It ends inside the START.
    Cut,
    /// The START cannot be.
    Damaged(&'static str),
}

/// What a control frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlType {
    /// 1: the receiver takes these content types.
    Accept,
    /// 2: data follow, of this content type.
    Start,
    /// 3: no more data follow.
    Stop,
    /// 4: the sender could send these content types.
    Ready,
    /// 5: the receiver has everything.
    Finish,
    /// A number that means nothing yet.
    Other(u32),
}

impl ControlType {
    fn of(number: u32) -> ControlType {
        match number {
            1 => ControlType::Accept,
            2 => ControlType::Start,
            3 => ControlType::Stop,
            4 => ControlType::Ready,
            5 => ControlType::Finish,
            other => ControlType::Other(other),
        }
    }

    fn number(self) -> u32 {
        match self {
            ControlType::Accept => 1,
            ControlType::Start => 2,
            ControlType::Stop => 3,
            ControlType::Ready => 4,
            ControlType::Finish => 5,
            ControlType::Other(number) => number,
        }
    }
}

/// A control frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control<'a> {
    /// What it says.
    pub kind: ControlType,
    /// Whole fields, none with too long a content type.
    fields: &'a [u8],
}

impl<'a> Control<'a> {
    /// Reads what stands behind the escape and the length. Fields of other types are passed over.
    fn parse(bytes: &'a [u8]) -> Result<Control<'a>, &'static str> {
        let kind = number(bytes, 0).ok_or("a control frame without a type")?;
        let fields = &bytes[4..];
        let mut rest = fields;
        let mut content_types = 0;
        while !rest.is_empty() {
            let (kind, value) = field(&mut rest).ok_or("a control frame that ends inside a field")?;
            if kind == FIELD_CONTENT_TYPE && value.len() > CONTENT_TYPE_MAX {
                return Err("a content type of more than 256 bytes");
            }
            content_types += usize::from(kind == FIELD_CONTENT_TYPE);
        }
        let kind = ControlType::of(kind);
        if kind == ControlType::Start && content_types > 1 {
            return Err("a START with several content types");
        }
        Ok(Control { kind, fields })
    }

    /// The content types that it names, in order.
    pub fn content_types(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.fields;
        std::iter::from_fn(move || field(&mut rest))
            .filter(|(kind, _)| *kind == FIELD_CONTENT_TYPE)
            .map(|(_, content)| content)
    }

    /// Whether dnstap is among its content types. Who names none allows all.
    pub fn allows_dnstap(&self) -> bool {
        let mut contents = self.content_types().peekable();
        contents.peek().is_none() || contents.any(|content| content == CONTENT_TYPE)
    }
}

/// Takes a field (type, data) from the front of `rest`; `None` if there is no whole one.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u32, &'a [u8])> {
    let (kind, length) = (number(rest, 0)?, number(rest, 4)?);
    let (data, behind) = rest[8..].split_at_checked(length as usize)?;
    *rest = behind;
    Some((kind, data))
}

/// Reads the control frame at the start of `bytes`. Gives it, and how many bytes the whole frame takes; `None` if more bytes
/// are needed.
///
/// # Errors
/// What is wrong: a data frame, or a control frame that cannot be.
pub fn control(bytes: &[u8]) -> Result<Option<(Control<'_>, usize)>, &'static str> {
    match number(bytes, 0) {
        None => return Ok(None),
        Some(0) => {}
        Some(_) => return Err("a data frame where a control frame must be"),
    }
    let Some(length) = number(bytes, 4) else { return Ok(None) };
    if length as usize > CONTROL_MAX {
        return Err("a control frame of more than 512 bytes");
    }
    match bytes[ESCAPE..].get(..length as usize) {
        Some(payload) => Control::parse(payload).map(|control| Some((control, ESCAPE + payload.len()))),
        None => Ok(None),
    }
}

/// How many bytes there must be until more can be told of a frame that begins with `bytes`. Who gets a stream in small pieces
/// need not look again before.
///
/// ```
/// use dpp::dnstap::frames;
/// assert_eq!(frames::needed(b"\0\0"), 4);
/// assert_eq!(frames::needed(b"\0\0\0\x07pay"), 11);
/// ```
pub fn needed(bytes: &[u8]) -> usize {
    match (number(bytes, 0), number(bytes, LENGTH)) {
        (None, _) => LENGTH,
        (Some(0), None) => ESCAPE,
        (Some(0), Some(length)) => ESCAPE + (length as usize).min(CONTROL_MAX),
        (Some(length), _) => LENGTH + length.min(limits::DNSTAP_FRAME_MAX) as usize,
    }
}

/// Begins a stream of dnstap.
pub fn write_start(out: &mut Vec<u8>) {
    write_control(out, ControlType::Start, &[CONTENT_TYPE]);
}

/// Ends a stream.
pub fn write_stop(out: &mut Vec<u8>) {
    write_control(out, ControlType::Stop, &[]);
}

/// Writes a data frame.
///
/// # Panics
/// If the payload is empty, which would be an escape, or of 4 GiB.
pub fn write_frame(out: &mut Vec<u8>, payload: &[u8]) {
    write_frame_with(out, |out| out.extend_from_slice(payload));
}

/// Writes a data frame whose payload `write` appends, so that it need not be held elsewhere before.
///
/// # Panics
/// If the payload is empty, which would be an escape, or of 4 GiB.
pub fn write_frame_with(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH]);
    write(out);
    let length = out.len() - start - LENGTH;
    assert!(length > 0, "a data frame cannot be empty");
    let length = u32::try_from(length).expect("a data frame is shorter than 4 GiB");
    out[start..start + LENGTH].copy_from_slice(&length.to_be_bytes());
}

/// Writes a control frame with these content types.
///
/// # Panics
/// If they are longer than a control frame may be.
pub fn write_control(out: &mut Vec<u8>, kind: ControlType, content_types: &[&[u8]]) {
    let length = 4 + content_types.iter().map(|content| 8 + content.len()).sum::<usize>();
    assert!(length <= CONTROL_MAX, "a control frame has at most {CONTROL_MAX} bytes");
    for word in [0, length as u32, kind.number()] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    for content in content_types {
        assert!(content.len() <= CONTENT_TYPE_MAX, "a content type has at most {CONTENT_TYPE_MAX} bytes");
        out.extend_from_slice(&FIELD_CONTENT_TYPE.to_be_bytes());
        out.extend_from_slice(&(content.len() as u32).to_be_bytes());
        out.extend_from_slice(content);
    }
}

/// The number at `at`, if there are four bytes.
#[inline(always)]
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOP: &[u8] = b"\0\0\0\0\0\0\0\x04\0\0\0\x03";

    fn start() -> Vec<u8> {
        let mut start = Vec::new();
        write_start(&mut start);
        start
    }

    /// A control frame of any words and bytes behind its length.
    fn escape(payload: &[u8]) -> Vec<u8> {
        [&[0; 4], &(payload.len() as u32).to_be_bytes()[..], payload].concat()
    }

    /// What a stream is read as, in words: `{` and `}` for START and STOP, `data`, other control frames by number, and how it
    /// ends. A reader that gets one byte after another must see the same.
    fn check(stream: &[u8], expected: &str) {
        let mut told = String::new();
        let (mut frames, mut at, mut seen) = (Frames::new(), 0, 0);
        let ending = loop {
            let step = frames.step(&stream[at..seen]);
            let total = match step {
                Step::Data { start, length, total } => {
                    assert_eq!((start, length + start), (4, total));
                    told += &stream[at + start..at + total].escape_ascii().to_string();
                    total
                }
                Step::TooLong { total } => {
                    told += "long";
                    usize::try_from(total).expect("64 bits")
                }
                Step::Control { kind, total } => {
                    told += &match kind {
                        ControlType::Start => "{".to_string(),
                        ControlType::Stop => "}".to_string(),
                        kind => kind.number().to_string(),
                    };
                    total
                }
                Step::More if seen == stream.len() && at == seen => break "",
                Step::More if seen == stream.len() => break "cut",
                Step::More => {
                    assert!(needed(&stream[at..seen]) > seen - at, "one byte more may tell");
                    seen += 1;
                    continue;
                }
                Step::Damaged(what) => break what,
            };
            told += " ";
            at += total;
            if at > stream.len() {
                break "beyond";
            }
            seen = seen.max(at);
        };
        told += ending;
        assert_eq!(told.trim_end(), expected);
    }

    #[test]
    fn a_stream_is_start_data_stop() {
        check(&[&start()[..], b"\0\0\0\x01a\0\0\0\x03bcd", STOP].concat(), "{ a bcd }");
        check(b"\0\0\0\0\0\0\0\x22\0\0\0\x02\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap", "{");
    }

    #[test]
    fn what_is_written_is_what_files_begin_and_end_with() {
        assert_eq!(start(), b"\0\0\0\0\0\0\0\x22\0\0\0\x02\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap");
        let mut out = Vec::new();
        write_frame(&mut out, b"ab");
        write_stop(&mut out);
        assert_eq!(out, [b"\0\0\0\x02ab", STOP].concat());
    }

    #[test]
    fn streams_may_follow_each_other_with_and_without_a_stop() {
        let one = [&start()[..], b"\0\0\0\x01a"].concat();
        check(&[&one[..], STOP, &one, STOP].concat(), "{ a } { a }");
        check(&[&one[..], &one].concat(), "{ a { a");
    }

    #[test]
    fn a_stream_without_a_stop_is_seen_to_be_open() {
        let mut frames = Frames::new();
        assert!(!frames.is_open());
        frames.step(&start());
        assert!(frames.is_open());
        frames.step(STOP);
        assert!(!frames.is_open());
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_is_cut() {
        check(&[&start()[..], b"\0\0\0\x02a"].concat(), "{ cut");
        check(&[&start()[..], b"\0\0\0"].concat(), "{ cut");
        check(&start()[..30], "cut");
    }

    #[test]
    fn frames_outside_of_start_and_stop_are_damage() {
        check(b"\0\0\0\x01a", "a data frame outside of START and STOP");
        check(&[&start()[..], STOP, b"\0\0\0\x01a"].concat(), "{ } a data frame outside of START and STOP");
    }

    #[test]
    fn frames_that_are_too_long_are_stepped_over() {
        let longest = limits::DNSTAP_FRAME_MAX;
        let mut frames = Frames { open: true };
        assert_eq!(frames.step(&longest.to_be_bytes()), Step::More);
        let total = 4 + u64::from(longest) + 1;
        assert_eq!(frames.step(&(longest + 1).to_be_bytes()), Step::TooLong { total });
        assert_eq!(frames.step(&[0xFF; 4]), Step::TooLong { total: (1 << 32) + 3 });
    }

    #[test]
    fn unknown_control_frames_and_fields_are_passed_over() {
        check(
            &[&start()[..], &escape(b"\0\0\0\x09what"), b"\0\0\0\x01a"].concat(),
            "{ a control frame that ends inside a field",
        );
        check(&[&start()[..], &escape(b"\0\0\0\x09"), b"\0\0\0\x01a"].concat(), "{ 9 a");
        check(&escape(b"\0\0\0\x02\0\0\0\x07\0\0\0\x02??"), "{");
        check(&[&start()[..], &escape(b"\0\0\0\x03\0\0\0\x07\0\0\0\0")].concat(), "{ }");
    }

    #[test]
    fn a_handshake_within_a_stream_is_damage() {
        for word in [1, 4, 5] {
            let stream = [&start()[..], &escape(&[0, 0, 0, word])].concat();
            check(&stream, "{ a control frame of the handshake within a stream");
        }
    }

    #[test]
    fn control_frames_that_cannot_be_are_damage() {
        check(&escape(b""), "a control frame without a type");
        check(&escape(b"\0\0\x02"), "a control frame without a type");
        check(b"\0\0\0\0\0\0\x02\x01", "a control frame of more than 512 bytes");
        check(&escape(b"\0\0\0\x02\0\0\0\x01\0\0\0\x01"), "a control frame that ends inside a field");
        check(
            &escape(b"\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0"),
            "a START with several content types",
        );
        let long = |length: u32| {
            let field = [&b"\0\0\0\x02\0\0\0\x01"[..], &length.to_be_bytes(), &vec![b'x'; length as usize]];
            escape(&field.concat())
        };
        check(&long(256), OTHER_CONTENT);
        check(&long(257), "a content type of more than 256 bytes");
    }

    #[test]
    fn an_opening_of_another_content_is_named() {
        assert_eq!(check_opening(&start()), Ok(()));
        assert_eq!(check_opening(&escape(b"\0\0\0\x02")), Ok(()));
        let other = escape(b"\0\0\0\x02\0\0\0\x01\0\0\0\x05hello");
        assert!(begins(&other));
        assert_eq!(check_opening(&other), Err(WrongOpening::OtherContent(b"hello")));
        check(&other, OTHER_CONTENT);
        assert_eq!(check_opening(&start()[..20]), Err(WrongOpening::Cut));
        let twice = escape(b"\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0");
        assert_eq!(check_opening(&twice), Err(WrongOpening::Damaged("a START with several content types")));
    }

    #[test]
    fn only_a_start_begins_a_stream() {
        assert!(begins(&start()) && begins(&start()[..12]));
        assert!(!begins(&start()[..11]));
        for other in
            [&b""[..], b"\0\0\0\x02ab\0\0\0\0\0\0", STOP, &[0; 64], b"\xA1\xB2\xC3\xD4\0\x02\0\x04\0\0\0\0"]
        {
            assert!(!begins(other), "{other:?}");
        }
    }

    #[test]
    fn the_words_of_a_handshake_can_be_read_back() {
        let contents: [&[u8]; 3] = [b"", b"other", CONTENT_TYPE];
        for kind in (0..7).map(ControlType::of) {
            for named in [&contents[..], &contents[..2], &[]] {
                let mut out = Vec::new();
                write_control(&mut out, kind, named);
                out.extend_from_slice(b"behind");
                if kind == ControlType::Start && named.len() > 1 {
                    assert!(control(&out).is_err());
                    continue;
                }
                let (read, total) = control(&out).unwrap().unwrap();
                assert_eq!((read.kind, total), (kind, out.len() - 6));
                assert_eq!(read.content_types().collect::<Vec<_>>(), named);
                assert_eq!(read.allows_dnstap(), named.len() != 2);
                (0..total).for_each(|cut| assert_eq!(control(&out[..cut]), Ok(None)));
            }
        }
        assert!(control(b"\0\0\0\x01a").is_err());
    }
}
