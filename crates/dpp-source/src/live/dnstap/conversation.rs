//! What one sender says, and what it is answered: Frame Streams from the receiver's side, of bytes only.
//!
//! ```text
//!  both ways   READY ->   <- ACCEPT   START ->   frames ->   STOP ->   <- FINISH
//!  one way                            START ->   frames ->   STOP ->
//! ```
//! Which of the two it is the first control frame tells. The surprising fact: hardly a byte is copied. What comes is read where
//! it lies; only a frame that has not come whole is set aside, and only as much of it as there is.

use dpp::dnstap::frames::{self, ControlType, Frames, Step};

/// How far a conversation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing was said yet.
    #[default]
    Opening,
    /// The sender was told to start.
    Accepted,
    /// Frames come. Both ways, if the sender waits for a FINISH.
    Streaming { both_ways: bool },
    /// The sender has been told that everything came.
    Over,
}

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// A frame of dnstap.
    Frame(&'a [u8]),
    /// A frame that is passed over, because it is longer than any that makes sense.
    TooLong,
}

/// A conversation with a sender.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    state: State,
    frames: Frames,
    /// The beginning of a frame that has not come whole.
    half: Vec<u8>,
    /// How many more bytes are to be passed over.
    passing: u64,
    /// What the sender is to be told, and was not yet.
    pub(super) replies: Vec<u8>,
}

impl Conversation {
    /// Takes what came, and tells of each frame.
    ///
    /// # Errors
    /// How the sender broke the protocol. What follows cannot be read.
    pub(super) fn take(
        &mut self,
        mut bytes: &[u8],
        tell: &mut impl FnMut(Heard),
    ) -> Result<(), &'static str> {
        while !bytes.is_empty() && self.state != State::Over {
            let taken = if self.passing > 0 {
                let passed = self.passing.min(bytes.len() as u64);
                self.passing -= passed;
                passed as usize
            } else if self.half.is_empty() {
                self.step(bytes, tell)?
            } else {
                self.complete(bytes, tell)?
            };
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Goes on with the frame that has not come whole. Gives how many bytes that took.
    fn complete(&mut self, bytes: &[u8], tell: &mut impl FnMut(Heard)) -> Result<usize, &'static str> {
        let missing = frames::needed(&self.half) - self.half.len();
        let taken = missing.min(bytes.len());
        self.half.extend_from_slice(&bytes[..taken]);
        if taken == missing {
            let half = std::mem::take(&mut self.half);
            self.step(&half, tell)?;
        }
        Ok(taken)
    }

    /// Takes the frame at the start of `bytes`; if it is not whole, all of them are set aside. Gives how many bytes that took.
    fn step(&mut self, bytes: &[u8], tell: &mut impl FnMut(Heard)) -> Result<usize, &'static str> {
        let total = match self.state {
            State::Opening => self.opening(bytes)?,
            _ => self.frame(bytes, tell)?,
        };
        let Some(total) = total else {
            self.half.extend_from_slice(bytes);
            return Ok(bytes.len());
        };
        let taken = total.min(bytes.len() as u64);
        self.passing = total - taken;
        Ok(taken as usize)
    }

    /// The first control frame. Gives its length, if it is whole.
    fn opening(&mut self, bytes: &[u8]) -> Result<Option<u64>, &'static str> {
        let Some((control, total)) = frames::control(bytes)? else { return Ok(None) };
        match control.kind {
            ControlType::Ready if control.allows_dnstap() => {
                frames::write_control(&mut self.replies, ControlType::Accept, &[frames::CONTENT_TYPE]);
                self.state = State::Accepted;
            }
            ControlType::Ready => return Err("a sender of another content type than dnstap"),
            ControlType::Start => return self.frame(bytes, &mut |_| {}),
            ControlType::Stop | ControlType::Accept | ControlType::Finish => {
                return Err("a stream that begins with neither READY nor START");
            }
            ControlType::Other(_) => {}
        }
        Ok(Some(total as u64))
    }

    fn frame(&mut self, bytes: &[u8], tell: &mut impl FnMut(Heard)) -> Result<Option<u64>, &'static str> {
        match self.frames.step(bytes) {
            Step::Data { start, length, total } => {
                tell(Heard::Frame(&bytes[start..start + length]));
                Ok(Some(total as u64))
            }
            Step::TooLong { total } => {
                tell(Heard::TooLong);
                Ok(Some(total))
            }
            Step::Control { kind, total } => {
                self.follow(kind);
                Ok(Some(total as u64))
            }
            Step::More => Ok(None),
            Step::Damaged(what) => Err(what),
        }
    }

    fn follow(&mut self, kind: ControlType) {
        match (kind, self.state) {
            (ControlType::Start, State::Opening) => self.state = State::Streaming { both_ways: false },
            (ControlType::Start, State::Accepted) => self.state = State::Streaming { both_ways: true },
            // Who sends one way may send another stream behind, as `cat` makes them.
            (ControlType::Stop, State::Accepted | State::Streaming { both_ways: true }) => {
                frames::write_control(&mut self.replies, ControlType::Finish, &[]);
                self.state = State::Over;
            }
            _ => {}
        }
    }

    /// Whether the handshake is over.
    pub(super) fn is_established(&self) -> bool {
        matches!(self.state, State::Streaming { .. } | State::Over)
    }

    /// Whether nothing more is to come.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether the sender may go here, having said all it began to say.
    pub(super) fn may_end(&self) -> bool {
        let has_stopped = matches!(self.state, State::Streaming { .. }) && !self.frames.is_open();
        self.is_over() || has_stopped && self.half.is_empty() && self.passing == 0
    }

    /// How many bytes are set aside.
    pub(super) fn held(&self) -> usize {
        self.half.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dpp::limits::DNSTAP_FRAME_MAX;

    const READY: &[u8] = b"\0\0\0\0\0\0\0\x22\0\0\0\x04\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap";
    const START: &[u8] = b"\0\0\0\0\0\0\0\x22\0\0\0\x02\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap";
    const OTHER_READY: &[u8] = b"\0\0\0\0\0\0\0\x0D\0\0\0\x04\0\0\0\x01\0\0\0\x01x";
    const OTHER_START: &[u8] = b"\0\0\0\0\0\0\0\x0D\0\0\0\x02\0\0\0\x01\0\0\0\x01x";
    const ANY_READY: &[u8] = b"\0\0\0\0\0\0\0\x04\0\0\0\x04";
    const STOP: &[u8] = b"\0\0\0\0\0\0\0\x04\0\0\0\x03";
    const FINISH: &[u8] = b"\0\0\0\0\0\0\0\x04\0\0\0\x05";
    const UNKNOWN: &[u8] = b"\0\0\0\0\0\0\0\x04\0\0\0\x99";
    const ONE: &[u8] = b"\0\0\0\x03one";
    const TWO: &[u8] = b"\0\0\0\x03two";

    /// What a sender that says `said` and then goes is answered, and what is heard of it: frames, `long`, and at the end `.` if
    /// it may go here, `!` if it broke off, or what it did wrong. However its bytes are cut it must be the same.
    fn check(said: &[&[u8]], answers: &str, expected: &str) {
        let said = said.concat();
        for at_once in [1, 2, 3, 5, 7, 16, 100, usize::MAX] {
            let mut conversation = Conversation::default();
            let mut told = Vec::new();
            let wrong = said.chunks(at_once).find_map(|piece| {
                let taken = conversation.take(piece, &mut |heard| match heard {
                    Heard::Frame(frame) => told.push(frame.escape_ascii().to_string()),
                    Heard::TooLong => told.push("long".to_string()),
                });
                assert!(conversation.half.len() < said.len().max(1));
                taken.err()
            });
            told.push(wrong.unwrap_or(if conversation.may_end() { "." } else { "!" }).to_string());
            let mut answered = Vec::new();
            let mut replies = &conversation.replies[..];
            while let Some((control, total)) = frames::control(replies).unwrap() {
                assert!(
                    control.kind == ControlType::Finish || control.content_types().eq([frames::CONTENT_TYPE])
                );
                answered.push(format!("{:?}", control.kind));
                replies = &replies[total..];
            }
            let heard = (answered.join(" "), told.join(" "));
            assert_eq!(heard, (answers.to_string(), expected.to_string()), "{at_once} bytes at once");
        }
    }

    #[test]
    fn both_ways_it_is_answered() {
        check(&[READY, START, ONE, TWO, STOP], "Accept Finish", "one two .");
        check(&[ANY_READY, START, ONE, STOP], "Accept Finish", "one .");
    }

    #[test]
    fn one_way_it_is_not() {
        check(&[START, ONE, STOP], "", "one .");
        check(&[START, ONE, STOP, START, TWO, STOP], "", "one two .");
    }

    #[test]
    fn who_goes_without_stop_has_broken_off() {
        check(&[], "", "!");
        check(&[READY], "Accept", "!");
        check(&[START, ONE], "", "one !");
        check(&[START, ONE, &TWO[..5]], "", "one !");
        check(&[START, ONE, STOP, &START[..9]], "", "one !");
    }

    #[test]
    fn behind_the_stop_nothing_is_read() {
        check(&[READY, START, STOP, b"GET / HTTP/1.1"], "Accept Finish", ".");
        check(&[READY, STOP], "Accept Finish", ".");
    }

    #[test]
    fn unknown_control_frames_change_nothing() {
        check(&[UNKNOWN, READY, UNKNOWN, START, UNKNOWN, ONE, STOP], "Accept Finish", "one .");
    }

    #[test]
    fn a_frame_of_any_length_is_passed_over() {
        let body = vec![0; DNSTAP_FRAME_MAX as usize + 1];
        let long = [&(DNSTAP_FRAME_MAX + 1).to_be_bytes(), &body[..]].concat();
        check(&[START, &long, ONE, STOP], "", "long one .");
        check(&[START, b"\xFF\xFF\xFF\xFF and so on"], "", "long !");
    }

    #[test]
    fn the_longest_frame_is_read() {
        let mut frame = Vec::new();
        frames::write_frame(&mut frame, &vec![b'x'; DNSTAP_FRAME_MAX as usize]);
        let mut conversation = Conversation::default();
        let mut length = 0;
        for piece in [START, &frame].concat().chunks(1000) {
            let tell = &mut |heard: Heard| match heard {
                Heard::Frame(frame) => length = frame.len(),
                Heard::TooLong => panic!("not longer"),
            };
            conversation.take(piece, tell).unwrap();
        }
        assert_eq!((length, conversation.half.len()), (DNSTAP_FRAME_MAX as usize, 0));
    }

    #[test]
    fn other_content_is_refused() {
        check(&[OTHER_READY], "", "a sender of another content type than dnstap");
        check(&[OTHER_START], "", "a stream of another content type than dnstap");
        check(&[READY, OTHER_START], "Accept", "a stream of another content type than dnstap");
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        check(&[b"GET / HTTP/1.1"], "", "a data frame where a control frame must be");
        check(&[ONE], "", "a data frame where a control frame must be");
        check(&[STOP], "", "a stream that begins with neither READY nor START");
        check(&[READY, ONE], "Accept", "a data frame outside of START and STOP");
        check(&[READY, READY], "Accept", "a control frame of the handshake within a stream");
        check(&[START, FINISH], "", "a control frame of the handshake within a stream");
        check(&[b"\0\0\0\0\0\0\x02\x01\0\0\0\x04"], "", "a control frame of more than 512 bytes");
    }
}
