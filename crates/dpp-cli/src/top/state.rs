//! What is looked at, and what keys change of it: [`State`].
//!
//! It knows neither a terminal nor an engine: a key that is for those comes out as an [`Order`].

use super::keys::{Action, HELP_LINES, TABLES, action, is_interrupt};
use super::pace::Speed;
use super::panes::Window;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Longer texts nobody types.
const PROMPT_MAX: usize = 256;

/// What is looked at.
pub(super) struct State {
    /// Which of [`TABLES`].
    pub(super) table: usize,
    pub(super) window: Window,
    pub(super) is_paused: bool,
    /// `None` of live sources, which have their own.
    pub(super) speed: Option<Speed>,
    /// A text that rows must have; empty, all are shown.
    pub(super) wanted: String,
    /// A condition that transactions must meet; empty, all are counted.
    pub(super) condition: String,
    /// Rows of the table that are above the first that is shown.
    pub(super) above: usize,
    /// Rows that the table has on the screen: the height of a page.
    pub(super) page: usize,
    pub(super) prompt: Option<Prompt>,
    /// Lines of the help above the first that is shown; `None` where nobody asks for it.
    pub(super) help: Option<usize>,
    /// Lines of it that the screen has room for.
    pub(super) help_page: usize,
    /// What came of the last key, if it is worth a word.
    pub(super) notice: String,
    /// Whether there may be colours.
    pub(super) is_colored: bool,
}

/// A question whose answer is being typed.
pub(super) struct Prompt {
    pub(super) asks: Asks,
    pub(super) text: String,
    /// What was there before.
    before: String,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Text,
    Condition,
}

/// What others are to do.
#[derive(Debug, PartialEq)]
pub(super) enum Order {
    Leave,
    Pause(bool),
    Speed(Speed),
    /// Forget what was counted.
    Reset,
    /// From now on count only what meets this condition; an empty one all do.
    Select(String),
}

impl State {
    pub(super) fn new(window: Window, speed: Option<Speed>) -> State {
        State {
            table: 0,
            window,
            is_paused: false,
            speed,
            wanted: String::new(),
            condition: String::new(),
            above: 0,
            page: 0,
            prompt: None,
            help: None,
            help_page: 0,
            notice: String::new(),
            is_colored: true,
        }
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, event: KeyEvent) -> Option<Order> {
        self.notice.clear();
        if is_interrupt(event) {
            return Some(Order::Leave);
        }
        if self.prompt.is_some() {
            return self.write(event);
        }
        if let Some(above) = self.help {
            self.help = self.scrolled(above, action(event));
            return (action(event) == Some(Action::Leave)).then_some(Order::Leave);
        }
        match action(event)? {
            Action::Leave => return Some(Order::Leave),
            Action::Table(table) => (self.table, self.above) = (table, 0),
            Action::Find => self.ask(Asks::Text, &self.wanted.clone()),
            Action::Select => self.ask(Asks::Condition, &self.condition.clone()),
            Action::Window => self.window = self.window.next(),
            Action::Pause => {
                self.is_paused = !self.is_paused;
                return Some(Order::Pause(self.is_paused));
            }
            Action::Faster => return self.change_speed(Speed::faster),
            Action::Slower => return self.change_speed(Speed::slower),
            Action::Up => self.above = self.above.saturating_sub(1),
            Action::Down => self.above += 1,
            Action::PageUp => self.above = self.above.saturating_sub(self.page),
            Action::PageDown => self.above += self.page,
            Action::Help => self.help = Some(0),
            Action::Reset => {
                self.above = 0;
                return Some(Order::Reset);
            }
        }
        None
    }

    /// The help after a key: any closes it, but for those that bring what there is no room for.
    fn scrolled(&self, above: usize, action: Option<Action>) -> Option<usize> {
        let most = HELP_LINES.saturating_sub(self.help_page);
        let above = match action? {
            Action::Up => above.saturating_sub(1),
            Action::Down => above + 1,
            Action::PageUp => above.saturating_sub(self.help_page),
            Action::PageDown => above + self.help_page,
            _ => return None,
        };
        (most > 0).then_some(above.min(most))
    }

    fn change_speed(&mut self, step: fn(Speed) -> Speed) -> Option<Order> {
        match &mut self.speed {
            Some(speed) => {
                *speed = step(*speed);
                Some(Order::Speed(*speed))
            }
            None => {
                "a live source has the speed that it has".clone_into(&mut self.notice);
                None
            }
        }
    }

    fn ask(&mut self, asks: Asks, text: &str) {
        self.prompt = Some(Prompt { asks, text: text.to_owned(), before: text.to_owned() });
    }

    /// A key while an answer is being typed. A text is looked for while it grows.
    fn write(&mut self, event: KeyEvent) -> Option<Order> {
        let prompt = self.prompt.as_mut()?;
        let mut is_done = false;
        match event.code {
            KeyCode::Enter => is_done = true,
            KeyCode::Esc => {
                (prompt.text, is_done) = (prompt.before.clone(), true);
                if prompt.asks == Asks::Condition {
                    self.prompt = None;
                    return None;
                }
            }
            KeyCode::Backspace => {
                prompt.text.pop();
            }
            KeyCode::Char('u') if event.modifiers.contains(KeyModifiers::CONTROL) => prompt.text.clear(),
            KeyCode::Char(letter) if !letter.is_control() && prompt.text.len() < PROMPT_MAX => {
                prompt.text.push(letter);
            }
            _ => {}
        }
        if prompt.asks == Asks::Text {
            (self.wanted, self.above) = (prompt.text.clone(), 0);
        }
        let prompt = self.prompt.take_if(|_| is_done)?;
        (prompt.asks == Asks::Condition && prompt.text != prompt.before).then_some(Order::Select(prompt.text))
    }

    /// The key among the engine's figures of the table that is shown.
    pub(super) fn figures(&self) -> &'static str {
        TABLES[self.table].figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types these keys; the names of some stand in angle brackets. Gives what was ordered.
    fn type_keys(state: &mut State, keys: &str) -> Vec<Order> {
        let mut orders = Vec::new();
        let mut rest = keys;
        while let Some(letter) = rest.chars().next() {
            let named = [
                ("<enter>", KeyCode::Enter),
                ("<esc>", KeyCode::Esc),
                ("<back>", KeyCode::Backspace),
                ("<down>", KeyCode::Down),
                ("<up>", KeyCode::Up),
                ("<page>", KeyCode::PageDown),
            ];
            let found = named.into_iter().find(|(name, _)| rest.starts_with(name));
            let (length, code) =
                found.map_or((letter.len_utf8(), KeyCode::Char(letter)), |(name, code)| (name.len(), code));
            rest = &rest[length..];
            orders.extend(state.press(KeyEvent::new(code, KeyModifiers::NONE)));
        }
        orders
    }

    fn replay() -> State {
        State::new(Window::Minute, Speed::read("1"))
    }

    #[test]
    fn a_text_is_looked_for_while_it_is_typed_and_may_be_given_up() {
        let mut state = replay();
        assert_eq!(type_keys(&mut state, "/exx<back>"), []);
        assert_eq!(state.wanted, "ex");
        type_keys(&mut state, "<enter>");
        assert!(state.prompt.is_none());
        assert_eq!(type_keys(&mut state, "/q<esc>"), []);
        assert_eq!((&*state.wanted, state.prompt.is_none()), ("ex", true));
    }

    #[test]
    fn a_condition_is_in_force_when_it_is_entered() {
        let mut state = replay();
        assert_eq!(type_keys(&mut state, "fqtype = A<enter>"), [Order::Select("qtype = A".into())]);
        assert_eq!(type_keys(&mut state, "fx<esc>"), []);
        assert_eq!(type_keys(&mut state, "f<enter>"), [], "it is as it was");
    }

    #[test]
    fn keys_are_letters_where_one_writes() {
        let mut state = replay();
        assert_eq!(type_keys(&mut state, "/q ?w<enter>"), []);
        assert_eq!((&*state.wanted, state.window, state.help), ("q ?w", Window::Minute, None));
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        type_keys(&mut state, "/");
        assert_eq!(state.press(interrupt), Some(Order::Leave));
    }

    #[test]
    fn speed_goes_in_steps() {
        let mut state = replay();
        let speeds = |texts: &[&str]| -> Vec<Order> {
            texts.iter().filter_map(|text| Speed::read(text)).map(Order::Speed).collect()
        };
        assert_eq!(type_keys(&mut state, "++-"), speeds(&["2", "5", "2"]));
        state.speed = Some(Speed::MAX);
        assert_eq!(type_keys(&mut state, "+-+"), speeds(&["max", "1000", "max"]));
        state.speed = None;
        assert_eq!(type_keys(&mut state, "+"), []);
        assert!(!state.notice.is_empty(), "a live source has none");
    }

    #[test]
    fn any_key_closes_the_help() {
        let mut state = replay();
        assert_eq!(type_keys(&mut state, "?"), []);
        state.help_page = HELP_LINES;
        for key in ["c", "<down>", "<page>"] {
            assert_eq!(state.help, Some(0));
            assert_eq!(type_keys(&mut state, key), []);
            assert_eq!(state.help, None, "{key}: there is room for all");
            type_keys(&mut state, "?");
        }
        assert_eq!(type_keys(&mut state, "q"), [Order::Leave]);
    }

    #[test]
    fn what_the_help_has_no_room_for_comes_with_arrows() {
        let mut state = replay();
        state.help_page = HELP_LINES - 5;
        type_keys(&mut state, "?");
        for (key, above) in
            [("<down>", 1), ("<up>", 0), ("<up>", 0), ("<page>", 5), ("<down>", 5), ("<up>", 4)]
        {
            type_keys(&mut state, key);
            assert_eq!(state.help, Some(above), "{key}");
        }
        type_keys(&mut state, "x");
        assert_eq!((state.help, state.above), (None, 0));
    }

    #[test]
    fn another_table_begins_at_its_top() {
        let mut state = replay();
        state.page = 7;
        type_keys(&mut state, "<down><page>");
        assert_eq!(state.above, 8);
        type_keys(&mut state, "<up>");
        assert_eq!(state.above, 7);
        type_keys(&mut state, "n");
        assert_eq!((state.above, state.figures()), (0, "names"));
    }
}
