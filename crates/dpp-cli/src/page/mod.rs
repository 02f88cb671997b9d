//! The page of `dpp report`: one HTML file that needs nothing else.
//!
//! `page.html` is the whole page, its script and its style included; here the statistics are put into it, as the JSON that
//! `dpp stats --json` writes. No figure is computed here: the script takes each from that object. Names in a capture are
//! written by strangers, so nothing in the JSON may end the element that it stands in; and the page's policy lets the browser
//! run no script but the page's own (by its hash), and fetch nothing. A change of the script or the style changes its hash:
//! the test `page` writes both hashes anew with `DPP_UPDATE` set.

const TEMPLATE: &str = include_str!("page.html");

/// The page about these statistics, `stats_json`, which is one JSON object.
pub(crate) fn render(stats_json: &str, title: &str) -> String {
    let (head, rest) = TEMPLATE.split_once("{{title}}").expect("the template has a title");
    let (body, end) = rest.split_once("{{report}}").expect("the template has a place for the report");
    [head, &as_text(title), body, &as_script_data(stats_json), end].concat()
}

/// Text as HTML has it between tags.
fn as_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// JSON as it may stand in a `script` element (HTML section 4.12.1.3): these characters stand only within its strings, where each
/// can be written by its number. The last two end lines in the eyes of some tools that look for scripts.
fn as_script_data(json: &str) -> String {
    let mut data = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => data += &format!("\\u{:04x}", u32::from(character)),
            other => data.push(other),
        }
    }
    data
}
