//! Every command that the documentation and the help show is run, as it stands there.
//!
//! What they name is there under those names: captures, directories of them, keys. What feeds a pipe on other machines feeds it a
//! capture here; what a pipe goes to is left out. A recipe that fails, or a new option in it that is misspelt, fails here.

use crate::room::Room;
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// All that recipes name.
fn room() -> Room {
    let room = Room::with_capture();
    let capture = room.read("in.pcap");
    let gzip = |bytes: &[u8]| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    let packed = gzip(&capture);
    let zstd = zstd::encode_all(&capture[..], 1).unwrap();
    for directory in ["captures/2026-11-21", "demo", "elsewhere"] {
        fs::create_dir_all(room.path(directory)).unwrap();
    }
    for name in ["capture.pcap", "out.pcap", "elsewhere/in.pcap"] {
        room.write(name, &capture);
    }
    for name in ["capture.pcap.gz", "eth0-1.pcap.gz", "captures/ns1-1.pcap.gz"] {
        room.write(name, &packed);
    }
    // A dataset takes no copies.
    room.dpp(&["generate", "elsewhere/ns2.pcap", "--transactions", "1000", "--seed", "2"]).well();
    room.write("captures/ns2-1.pcap.gz", gzip(&room.read("elsewhere/ns2.pcap")));
    for name in ["capture.pcap.zst", "captures/2026-11-21/eth0.pcap.zst", "captures/2026-11-21/eth1.pcap.zst"]
    {
        room.write(name, &zstd);
    }
    room.write("demo/dns.pcap", fs::read(root().join("demo/dns.pcap")).unwrap());
    for (capture, site) in [("capture.pcap", "ams"), ("elsewhere/ns2.pcap", "lon")] {
        let part = format!("{site}-0017.tally");
        room.dpp(&[
            "rssac",
            "map",
            capture,
            "--server",
            "192.0.2.53",
            "--site",
            site,
            "--seq",
            "17",
            "-o",
            &part,
        ])
        .well();
    }
    room.dpp(&["rssac", "map", "capture.pcap", "--server", "all", "-o", "day.tally"]).well();
    room.write("lon.pcap", room.read("elsewhere/ns2.pcap"));
    for (captures, part) in [
        (&["capture.pcap"][..], "ams.tally"),
        (&["lon.pcap"], "lon.tally"),
        (&["capture.pcap", "lon.pcap"], "both.tally"),
    ] {
        let tables = ["--table", "slow-names", "--table", "traffic:minute,server"];
        room.dpp(&[&["stats", "map", "-o", part], captures, &tables].concat()).well();
    }
    room.write("key.txt", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
    room.write("odd.toml", "qps = 100\n");
    room.write("dpp.toml", "source = [\"dnstap+unix:dnstap.sock\"]\noutput = \"queries.csv\"\n");
    room.write("last-run", "");
    let file = fs::File::options().write(true).open(room.path("last-run")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    room
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The README, and the pages of the documentation.
fn pages() -> Vec<(String, String)> {
    let pages = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|word| word == "md"));
    let mut pages: Vec<PathBuf> =
        pages.chain([root().join("README.md"), root().join("demo/README.md")]).collect();
    pages.sort();
    let text = |path: &PathBuf| (path.display().to_string(), fs::read_to_string(path).unwrap());
    pages.iter().map(text).collect()
}

/// The lines of a page that are commands: behind a prompt, set off by four spaces, or between fences.
fn shown(page: &str) -> Vec<String> {
    let page = page.replace("\\\n", " ");
    let mut is_fenced = false;
    let lines = page.lines().filter_map(|line| {
        is_fenced ^= line.starts_with("```");
        let fenced = is_fenced.then_some(line);
        line.strip_prefix("$ ").or_else(|| line.strip_prefix("    ")).or(fenced)
    });
    let commands = lines.filter(|line| stages(line).iter().any(|stage| is_dpp(stage)));
    commands.map(|line| line.split(" # ").next().unwrap_or_default().trim().to_owned()).collect()
}

/// The lines of a help text that are commands; what they are for stands behind some spaces.
fn shown_by_help(help: &str) -> Vec<String> {
    let examples = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let command = |line: &str| line.trim().split("   ").next().unwrap_or_default().to_owned();
    examples.take_while(|line| line.starts_with("  ")).map(command).collect()
}

/// The stages of a pipe, cut where a bar is in no quotes.
fn stages(command: &str) -> Vec<String> {
    let mut stages = vec![String::new()];
    let mut quote = None;
    for character in command.chars() {
        match (character, quote) {
            ('|', None) => stages.push(String::new()),
            ('\'' | '"', None) => quote = Some(character),
            (character, Some(open)) if character == open => quote = None,
            _ => {}
        }
        if character != '|' || quote.is_some() {
            stages.last_mut().expect("there is one").push(character);
        }
    }
    stages.iter().map(|stage| stage.trim().to_owned()).collect()
}

fn is_dpp(stage: &str) -> bool {
    stage.starts_with("dpp ")
}

/// The command as it can be run here: its stages up to that of `dpp`, in this directory, and with a capture instead of the wire.
fn here(command: &str) -> String {
    let stages = stages(command);
    let at = stages.iter().position(|stage| is_dpp(stage)).expect("dpp is one of them");
    let feed = stages[..at].iter().map(|stage| match stage.starts_with("find ") {
        true => stage.as_str(),
        false => "cat capture.pcap",
    });
    let asked = asked(&stages[at]);
    let pipe: Vec<&str> = feed.chain([asked.as_str()]).collect();
    let here = pipe.join(" | ").replace("/captures", "captures").replace("/data", "data");
    // What is to be generated is many gigabytes; a little of it does here.
    let mut words: Vec<&str> = here.split(' ').collect();
    for at in 1..words.len() {
        match words[at - 1] {
            "--transactions" => words[at] = "100",
            "--duration-seconds" => words[at] = "1",
            _ => {}
        }
    }
    words.join(" ")
}

/// What would run until it is told to stop, and needs an interface or a server, is only judged.
fn asked(stage: &str) -> String {
    match stage.split_once(' ').map_or("", |words| words.1) {
        words if words.starts_with("live ") => format!("dpp check {}", &words["live ".len()..]),
        // Without a terminal it judges all it is told, and then asks for one.
        words if words.starts_with("top ") => {
            format!("{{ {stage} 2>&1 || :; }} | grep -q 'draws on a terminal'")
        }
        words
            if words.starts_with("afpacket:")
                || words.starts_with("dnstap+")
                || words.starts_with("knot:") =>
        {
            let (source, output) = words.split_once(' ').unwrap_or((words, "out.csv"));
            format!("dpp check --source {source} -o {output}")
        }
        _ => stage.to_owned(),
    }
}

#[test]
fn every_command_that_is_shown_works() {
    let help = |arguments: &[&str]| {
        let told = Room::new().dpp(arguments).well().stdout;
        (format!("dpp {}", arguments.join(" ")), shown_by_help(&told))
    };
    let pages = pages().into_iter().map(|(name, page)| (name, shown(&page)));
    let all: Vec<_> = pages
        .chain([&["--help"][..], &["extract", "--help"], &["live", "--help"]].map(help))
        .chain(
            [&["stats", "--help"], &["rssac", "--help"], &["top", "--help"]].map(|arguments| help(arguments)),
        )
        .collect();
    let mut count = 0;
    for (name, commands) in all {
        for command in commands {
            let room = room();
            fs::create_dir(room.path("data")).unwrap();
            let run = room
                .shell(&format!("PATH=\"$(dirname \"$DPP\"):$PATH\"; {{ {}; }} > /dev/null", here(&command)));
            assert_eq!(run.code, Some(0), "{name}: {command}: {}", run.stderr);
            count += 1;
        }
    }
    assert!(count >= 25, "only {count} commands were found");
}

#[test]
fn a_pipe_is_cut_where_no_quote_is() {
    assert_eq!(stages("a 'b | c' | dpp \"|\" | d"), ["a 'b | c'", "dpp \"|\"", "d"]);
    assert_eq!(here("tcpdump -w - | dpp - /data/x | head"), "cat capture.pcap | dpp - data/x");
}
