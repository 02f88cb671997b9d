//! The page of `dpp report` in a real browser: Chromium shows it without a window, and is asked what it shows.
//!
//! `make peers` installs chromium and chromedriver. With `DPP_PAGE_PICTURES` set to a folder, pictures of the page in light, dark,
//! narrow and printed are written there for somebody to look at.

mod browser;
#[path = "../../src/page/mod.rs"]
mod page;
mod sample;

use browser::Browser;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const WIDE: (u32, u32) = (1600, 1000);
const NARROW: (u32, u32) = (360, 740);

/// A page about these statistics in a window of this size, with what it must never do: fail, or ask for anything.
fn opened(statistics: &Value, (width, height): (u32, u32)) -> Browser {
    let browser = Browser::start(width, height);
    open(&browser, statistics);
    browser
}

#[track_caller]
fn open(browser: &Browser, statistics: &Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.html");
    std::fs::write(&file, page::render(&statistics.to_string(), "a day & <night>")).expect("it is new");
    open_file(browser, &file);
}

#[track_caller]
fn open_file(browser: &Browser, file: &Path) {
    browser.log();
    browser.open(file);
    let ready = browser.run("return document.documentElement.dataset.ready");
    let log = browser.log();
    assert_eq!(log.troubles, [""; 0], "what the browser complained of");
    assert_eq!(log.requests, [format!("file://{}", file.display())], "what the browser fetched");
    assert_eq!(ready, "yes");
}

/// Everything that can unfold does, and tables show all their rows.
const UNFOLD: &str = "
    for (const each of document.querySelectorAll('details')) { each.open = true; each.dispatchEvent(new Event('toggle')); }
    for (const each of document.querySelectorAll('.more button')) if (each.textContent.startsWith('Show all')) each.click();";

/// The figures of the page: where each stands in the object, and its value as text.
const FIGURES: &str = "
    return [...document.querySelectorAll('[data-figure]')].map((each) => [each.dataset.figure, each.dataset.value]);";

/// What stands in the object at a path with dots.
fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    let pointer = format!("/{}", path.replace('.', "/"));
    object.pointer(&pointer).unwrap_or_else(|| panic!("the object has nothing at {path}"))
}

/// Whether a figure's text is the value: the same text, or the same number.
fn says(text: &str, value: &Value) -> bool {
    match value {
        Value::String(words) => words == text,
        Value::Number(number) => text.parse().is_ok_and(|found: f64| number.as_f64() == Some(found)),
        _ => false,
    }
}

/// The paths of all that is text or a number.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    let below = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| leaves(value, &below(key), found)),
        Value::Array(members) => {
            members
                .iter()
                .enumerate()
                .for_each(|(place, value)| leaves(value, &below(&place.to_string()), found));
        }
        Value::String(_) | Value::Number(_) => found.push(path.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

/// A path without the places in lists.
fn kind(path: &str) -> String {
    let parts = path.split('.').map(|part| if part.parse::<usize>().is_ok() { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

#[test]
fn every_figure_is_what_the_object_says_and_what_the_object_says_is_on_the_page() {
    let statistics = sample::busy_day();
    let browser = opened(&statistics, WIDE);
    browser.run(UNFOLD);
    let figures: Vec<(String, String)> = serde_json::from_value(browser.run(FIGURES)).expect("pairs of text");
    for (path, text) in &figures {
        let value = at(&statistics, path);
        assert!(says(text, value), "{path} is {value}, and the page says {text}");
    }
    let shown: BTreeSet<&String> = figures.iter().map(|(path, _)| path).collect();
    let mut all = Vec::new();
    leaves(&statistics, "", &mut all);
    let kinds: BTreeSet<String> =
        all.iter().filter(|path| !shown.contains(path)).map(|path| kind(path)).collect();
    let untold: Vec<&str> = kinds.iter().map(String::as_str).collect();
    assert_eq!(untold, UNTOLD);
}

/// What the object says and no figure on the page: what its words are made of, bounds of what is exact, and the finer points of
/// a server's latency.
const UNTOLD: [&str; 26] = [
    "distinct.clients.high",
    "distinct.clients.low",
    "edns.sizes.*.number",
    "format",
    "outcomes.*.key",
    "servers.rows.*.rtt.count",
    "servers.rows.*.rtt.histogram.*.*",
    "servers.rows.*.rtt.mean",
    "servers.rows.*.rtt.min",
    "servers.rows.*.rtt.p75",
    "servers.rows.*.rtt.p95",
    "servers.rows.*.rtt.p999",
    "servers.rows.*.rtt.relative_error",
    "times.columns.*",
    "tops.client_prefixes.error",
    "tops.client_prefixes.rows.*.high",
    "tops.client_prefixes.rows.*.low",
    "tops.clients.error",
    "tops.clients.rows.*.high",
    "tops.clients.rows.*.low",
    "tops.servers.error",
    "tops.servers.rows.*.high",
    "tops.servers.rows.*.low",
    "tops.tlds.error",
    "tops.tlds.rows.*.high",
    "tops.tlds.rows.*.low",
];

/// What `dpp` says.
#[track_caller]
fn dpp(arguments: &[&str]) -> String {
    let told =
        Command::new(env!("CARGO_BIN_EXE_dpp")).args(arguments).env_clear().output().expect("dpp starts");
    assert!(told.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).expect("UTF-8")
}

/// The labels of a query by somebody who hopes that we look at it in a browser.
const LABELS: [&str; 3] = ["</script><script>alert(1)", "\"><img src=x onerror=alert(1)>", "example"];

/// A capture (raw IP) with that query alone.
fn capture_of_a_hostile_name() -> Vec<u8> {
    let name: Vec<u8> =
        LABELS.iter().flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    let message = [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &name, &[0, 0, 1, 0, 1]].concat();
    let length = |more: usize| ((message.len() + more) as u16).to_be_bytes();
    let ip =
        [&[0x45, 0][..], &length(28), &[0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1]].concat();
    let udp = [&[0xC3, 0x50, 0, 53][..], &length(8), &[0, 0]].concat();
    let packet = [ip, udp, message].concat();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let file = words(&[0xA1B2_C3D4, 0x0004_0002, 0, 0, 65_535, 101]);
    let record = words(&[1_700_000_000, 0, packet.len() as u32, packet.len() as u32]);
    [file, record, packet].concat()
}

#[test]
fn the_report_of_a_capture_says_what_its_statistics_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_string();
    let (busy, hostile, report) = (path("busy.pcap"), path("hostile.pcap"), path("report.html"));
    dpp(&["generate", &busy, "--transactions", "5000", "--seed", "3"]);
    std::fs::write(&hostile, capture_of_a_hostile_name()).expect("it is new");
    let browser = Browser::start(WIDE.0, WIDE.1);
    for (capture, least) in [(&busy, 3_000), (&hostile, 50)] {
        let statistics: Value = serde_json::from_str(&dpp(&["stats", "--json", capture])).expect("JSON");
        dpp(&["report", capture, "-o", &report]);
        open_file(&browser, Path::new(&report));
        browser.run(UNFOLD);
        let figures: Vec<(String, String)> =
            serde_json::from_value(browser.run(FIGURES)).expect("pairs of text");
        assert!(figures.len() > least, "{} figures", figures.len());
        for (path, text) in &figures {
            let value = at(&statistics, path);
            assert!(says(text, value), "{path} is {value}, and the page says {text}");
        }
        let most = browser.text("#top-names tbody td.key");
        assert_eq!(most, at(&statistics, "tops.names.rows.0.key").as_str().expect("a name"));
        assert_eq!(most.contains("script"), capture == &hostile, "{most}");
        assert_eq!(browser.log().troubles, [""; 0]);
    }
}

#[test]
fn names_written_by_strangers_are_text() {
    let browser = opened(&sample::busy_day(), WIDE);
    browser.run(UNFOLD);
    assert_eq!(browser.run("return document.title"), "a day & <night>");
    assert_eq!(browser.text("h1"), "a day & <night>");
    assert_eq!(browser.run("return document.querySelectorAll('script').length"), 2, "scripts");
    assert_eq!(
        browser.run("return document.querySelectorAll('img, iframe, b, link').length"),
        0,
        "elements of strangers"
    );
    let keys = browser
        .run("return [...document.querySelectorAll('#top-names td.key')].map((each) => each.textContent)");
    for name in sample::HOSTILE {
        assert!(keys.as_array().expect("keys").contains(&json!(name)), "{name:?} is not in {keys}");
    }
    assert_eq!(browser.log().troubles, [""; 0]);
}

#[test]
fn nothing_is_said_in_words_where_there_is_nothing() {
    let browser = Browser::start(1000, 800);
    for (statistics, least) in [(sample::nothing(), 12), (sample::few(), 5)] {
        open(&browser, &statistics);
        browser.run(UNFOLD);
        let text = browser.text("body");
        for never in ["NaN", "undefined", "null", "Infinity", "[object"] {
            assert!(!text.contains(never), "the page says {never}: {text}");
        }
        let words =
            browser.run("return document.querySelectorAll('p.none').length").as_u64().expect("a count");
        assert!(words >= least, "only {words} parts say that they are empty: {text}");
        let figures: Vec<(String, String)> =
            serde_json::from_value(browser.run(FIGURES)).expect("pairs of text");
        figures.iter().for_each(|(path, text)| assert!(says(text, at(&statistics, path)), "{path}: {text}"));
        assert_eq!(browser.log().troubles, [""; 0]);
    }
    // Members that another version of the program does not know yet.
    open(&browser, &json!({"dpp": "0.0.9"}));
    assert!(!browser.text("body").contains("NaN"));
}

/// The column of a table as it is shown.
fn column(browser: &Browser, table: &str, place: usize) -> Vec<String> {
    let script = format!(
        "return [...document.querySelectorAll('{table} tbody td:nth-child({place})')].map((each) => each.innerText)"
    );
    serde_json::from_value(browser.run(&script)).expect("texts")
}

#[test]
fn tables_are_sorted_and_filtered() {
    let statistics = sample::busy_day();
    let browser = opened(&statistics, WIDE);
    let sorted_by = |place: usize| {
        browser.click(&format!("#servers th:nth-child({place}) button"));
        browser.run(&format!("return document.querySelector('#servers th:nth-child({place})').ariaSort"))
    };
    assert_eq!(sorted_by(4), "descending", "numbers begin with the greatest");
    assert_eq!(column(&browser, "#servers", 4)[0], "100%");
    assert_eq!(sorted_by(4), "ascending");
    assert_ne!(column(&browser, "#servers", 4)[0], "100%");
    assert_eq!(sorted_by(1), "ascending", "words begin with a");
    let mut keys = column(&browser, "#servers", 1);
    assert_eq!(keys.len(), 20);
    assert!(keys.is_sorted());
    // A server without answers has no latency, and is last both ways.
    browser.click("#servers .more button");
    for _ in 0..2 {
        sorted_by(6);
        assert_eq!(column(&browser, "#servers", 6).last().map(String::as_str), Some("none"));
    }

    browser.keys("#filter", "IMG src");
    keys = column(&browser, "#top-names", 2);
    assert_eq!(keys, [sample::HOSTILE[1]]);
    assert!(column(&browser, "#top-clients", 2).is_empty());
    assert!(browser.text("#top-clients caption").contains("0 of 100 rows"));
    browser.run("const box = document.getElementById('filter'); box.value = ''; box.dispatchEvent(new Event('input'));");
    browser.click("#top-clients .more button");
    assert_eq!(column(&browser, "#top-clients", 2).len(), 100);
}

const RIGHT: &str = "\u{e014}";
const HOME: &str = "\u{e011}";
const ESCAPE: &str = "\u{e00c}";
const END: &str = "\u{e010}";

#[test]
fn plots_are_read_by_keys() {
    let statistics = sample::busy_day();
    let browser = opened(&statistics, WIDE);
    browser.keys("#traffic .plot", &[HOME, RIGHT, RIGHT].concat());
    let (answered, unanswered) = (at(&statistics, "times.bins.2.2"), at(&statistics, "times.bins.2.3"));
    let figure = |path: &str| {
        browser.run(&format!(
            "return document.querySelector('#traffic .readout [data-figure=\"{path}\"]').dataset.value"
        ))
    };
    assert_eq!(figure("times.bins.2.2"), answered.to_string());
    assert_eq!(figure("times.bins.2.3"), unanswered.to_string());
    let words = browser.run("return document.querySelector('#traffic .plot').ariaValueText");
    let words = words.as_str().expect("words");
    assert!(words.starts_with("2026-11-22 00:02 to 00:03 UTC: answered "), "{words}");

    // The switch: the same bin by type.
    browser.click("#traffic input[value='type']");
    assert_eq!(figure("times.bins.2.10"), at(&statistics, "times.bins.2.10").to_string());
    assert!(browser.text("#traffic .readout").contains("HTTPS"));

    browser.keys("#latency .plot", END);
    let last = at(&statistics, "rtt.histogram").as_array().expect("buckets").len() - 1;
    let path = format!("rtt.histogram.{last}.2");
    let shown = browser.run(&format!(
        "return document.querySelector('#latency .readout [data-figure=\"{path}\"]').dataset.value"
    ));
    assert_eq!(shown, at(&statistics, &path).to_string());
    assert!(browser.text("#latency .readout").contains("100% up to the end"));
}

#[test]
fn plots_are_zoomed_by_mouse_and_by_buttons() {
    let browser = opened(&sample::busy_day(), WIDE);
    let readout = || browser.text("#traffic .readout");
    let whole = readout();
    assert!(whole.starts_with("2026-11-22 00:00 to 2026-11-23 00:00 UTC"), "{whole}");
    browser.drag("#traffic .plot svg", 0);
    let middle = readout();
    assert!(middle.starts_with("2026-11-22 11:3"), "where the mouse is: {middle}");
    browser.drag("#traffic .plot svg", 200);
    let heatmap = || browser.text("#rcodes .readout");
    let part = heatmap();
    assert!(part.starts_with("2026-11-22 11:3"), "the heatmap shows the same part of the day: {part}");
    browser.keys("#traffic .plot", HOME);
    let first = readout();
    assert!(first.starts_with("2026-11-22 11:3"), "the first bin of what is shown: {first}");
    browser.keys("#traffic .plot", ESCAPE);
    browser.click("#traffic .tools button:last-child");
    let whole = heatmap();
    assert!(
        whole.starts_with("2026-11-22 00:00 to 2026-11-23 00:00 UTC: 9,061,579 in 1 d, 105 per second"),
        "{whole}"
    );
}

/// Which words of a plot lie upon each other, or beyond its edge.
const COLLISIONS: &str = "
    const found = [];
    for (const picture of document.querySelectorAll('.plot svg')) {
        const edge = picture.getBoundingClientRect();
        const words = [...picture.querySelectorAll('text')].map((each) => [each.textContent, each.getBoundingClientRect()]);
        words.forEach(([text, a], i) => {
            if (a.left < edge.left - 1 || a.right > edge.right + 1 || a.top < edge.top - 1 || a.bottom > edge.bottom + 1) found.push(`${text} beyond the edge`);
            words.slice(0, i).forEach(([other, b]) => {
                if (a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom) found.push(`${text} upon ${other}`);
            });
        });
    }
    return found;";

#[test]
fn it_is_readable_in_a_hand_and_on_a_wall() {
    let browser = Browser::start(WIDE.0, WIDE.1);
    for (width, height) in [NARROW, (768, 1024), (1000, 800), WIDE] {
        for statistics in [sample::busy_day(), sample::few(), sample::nothing()] {
            browser.resize(width, height);
            open(&browser, &statistics);
            let page = browser.run("return document.scrollingElement.scrollWidth");
            assert!(
                page.as_u64().is_some_and(|page| page <= u64::from(width)),
                "{page} in a window of {width}"
            );
            assert_eq!(browser.run(COLLISIONS), json!([]), "at {width}");
        }
    }
}

/// The contrast of each ink on each ground (WCAG 2.2, section 1.4.3), as hundredths.
const CONTRASTS: &str = "
    const probe = document.body.appendChild(document.createElement('i'));
    const luminance = (name) => {
        probe.style.color = `var(--${name})`;
        const parts = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
        const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const pairs = ['ink', 'soft', 'accent', 'trouble'].flatMap((ink) => ['paper', 'panel'].map((ground) => [ink, ground]));
    return pairs.map(([ink, ground]) => [`${ink} on ${ground}`, Math.round(100 * contrast(luminance(ink), luminance(ground)))]);";

#[test]
fn it_is_readable_by_day_and_by_night() {
    let browser = Browser::start(WIDE.0, WIDE.1);
    browser.prefer_dark();
    open(&browser, &sample::few());
    let ground = || browser.run("return getComputedStyle(document.body).backgroundColor");
    let mut grounds = vec![ground()];
    for _ in 0..2 {
        let contrasts: BTreeMap<String, u64> =
            serde_json::from_value::<Vec<(String, u64)>>(browser.run(CONTRASTS))
                .expect("pairs")
                .into_iter()
                .collect();
        assert!(contrasts.values().all(|contrast| *contrast >= 450), "{contrasts:?}");
        browser.click("button.theme");
        grounds.push(ground());
    }
    assert_eq!(grounds[0], "rgb(18, 22, 27)", "as the system is");
    assert_eq!(grounds[1], "rgb(255, 255, 255)");
    assert_eq!(grounds[2], grounds[0]);
}

#[test]
fn it_can_be_printed_with_everything_unfolded() {
    let browser = opened(&sample::busy_day(), WIDE);
    browser.run("for (const each of document.querySelectorAll('details.section')) each.open = false;");
    browser.run("addEventListener('beforeprint', () => (document.body.dataset.unfolded = document.querySelectorAll('details.section[open]').length))");
    let document = browser.print();
    assert!(document.starts_with("JVBERi"), "a PDF");
    assert_eq!(browser.run("return document.body.dataset.unfolded"), "11");
    assert_eq!(
        browser.run("return document.querySelectorAll('details.section[open]').length"),
        0,
        "as it was before"
    );
}

#[test]
fn its_size_is_bounded() {
    let statistics = sample::busy_day().to_string();
    let page = page::render(&statistics, "t");
    assert!(page.len() < statistics.len() + 100_000, "{} bytes for {}", page.len(), statistics.len());
    let browser = opened(&sample::busy_day(), WIDE);
    let elements = browser.run("return document.querySelectorAll('*').length").as_u64().expect("a count");
    assert!(elements < 8_000, "{elements} elements, and nobody has unfolded anything");
}

/// SHA-256 as a policy names it.
fn hash(text: &str) -> String {
    let mut openssl = Command::new("sh");
    openssl.args(["-c", "openssl dgst -sha256 -binary | openssl base64"]);
    let mut openssl = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
    openssl.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = openssl.wait_with_output().expect("it ends");
    format!("'sha256-{}'", String::from_utf8(output.stdout).expect("base64").trim())
}

#[test]
fn the_policy_names_this_script_and_this_style() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page/page.html");
    let template = std::fs::read_to_string(&path).expect("the template");
    let between = |start: &str, end: &str| {
        let after = template.split_once(start).expect("its start").1;
        after.split_once(end).expect("its end").0.to_string()
    };
    let policy = between("http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    let (script, style) = (hash(&between("<script>", "</script>")), hash(&between("<style>", "</style>")));
    let right = format!(
        "default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'"
    );
    if std::env::var_os("DPP_UPDATE").is_some() {
        std::fs::write(&path, template.replace(&policy, &right)).expect("it can be written");
    } else {
        assert_eq!(policy, right, "run this test with DPP_UPDATE=1");
    }
}

#[test]
fn what_is_put_into_the_page_cannot_leave_its_place() {
    let hostile = json!({"name": sample::HOSTILE.join(" & ")});
    let page = page::render(&hostile.to_string(), "{{report}}</title><script>");
    let data =
        page.split_once("id=\"report\">").expect("the data").1.split_once("</script>").expect("its end").0;
    assert!(!data.contains(['<', '>', '&', '\u{2028}']), "{data}");
    assert_eq!(serde_json::from_str::<Value>(data).expect("JSON still"), hostile);
    assert!(page.contains("<title>{{report}}&lt;/title&gt;&lt;script&gt;</title>"));
}

#[test]
fn pictures_for_somebody_to_look_at() {
    let Some(folder) = std::env::var_os("DPP_PAGE_PICTURES") else { return };
    let write = |name: &str, content: String| {
        let mut decode = Command::new("base64")
            .arg("-d")
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(Path::new(&folder).join(name)).expect("a file"))
            .spawn()
            .expect("base64");
        decode.stdin.take().expect("a pipe").write_all(content.as_bytes()).expect("it reads");
        assert!(decode.wait().expect("it ends").success());
    };
    let browser = opened(&sample::busy_day(), (1400, 900));
    write("light.png", browser.picture());
    write("print.pdf", browser.print());
    browser.click("#traffic input[value='type']");
    browser.keys("#traffic .plot", &RIGHT.repeat(30));
    browser.keys("#latency .plot", &RIGHT.repeat(400));
    browser.keys("#rcodes .plot", &RIGHT.repeat(900));
    write("cursors.png", browser.picture());
    browser.click("button.theme");
    write("dark.png", browser.picture());
    browser.resize(NARROW.0, NARROW.1);
    open(&browser, &sample::busy_day());
    write("narrow.png", browser.picture());
    browser.resize(1000, 800);
    for (name, statistics) in [("few", sample::few()), ("nothing", sample::nothing())] {
        open(&browser, &statistics);
        write(&format!("{name}.png"), browser.picture());
    }
}
