//! A real Chromium without a window, driven by chromedriver as WebDriver has it (W3C): JSON over HTTP on loopback.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// One window. It closes when the test is over.
pub(crate) struct Browser {
    driver: Child,
    /// What the driver says; nobody reads it any more, but somebody must hold it.
    _said: BufReader<ChildStdout>,
    port: u16,
    session: String,
}

/// What a browser has logged about a page: what went wrong, and what it asked for.
pub(crate) struct Log {
    pub(crate) troubles: Vec<String>,
    pub(crate) requests: Vec<String>,
}

impl Browser {
    pub(crate) fn start(width: u32, height: u32) -> Browser {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed by `make peers`");
        let mut said = BufReader::new(driver.stdout.take().expect("it is a pipe"));
        let port = port(&mut said);
        let mut browser = Browser { driver, _said: said, port, session: String::new() };
        let session =
            browser.ask("POST", "/session", &json!({"capabilities": {"alwaysMatch": capabilities()}}));
        browser.session = session["sessionId"].as_str().expect("a session").to_string();
        browser.resize(width, height);
        browser
    }

    /// How large the page's part of the window is.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    pub(crate) fn prefer_dark(&self) {
        let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
        self.devtools("Emulation.setEmulatedMedia", &dark);
    }

    pub(crate) fn open(&self, page: &Path) {
        self.post("url", &json!({"url": format!("file://{}", page.display())}));
    }

    /// What the body of a function gives.
    #[track_caller]
    pub(crate) fn run(&self, body: &str) -> Value {
        self.post("execute/sync", &json!({"script": body, "args": []}))
    }

    pub(crate) fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({}).innerText", json!(selector));
        self.run(&script).as_str().expect("text").to_string()
    }

    pub(crate) fn click(&self, selector: &str) {
        self.post(&format!("element/{}/click", self.element(selector)), &json!({}));
    }

    /// Types into an element as a person would.
    pub(crate) fn keys(&self, selector: &str, keys: &str) {
        self.post(&format!("element/{}/value", self.element(selector)), &json!({"text": keys}));
    }

    /// Presses the mouse on an element, moves it so many pixels to the right, and lets it go.
    pub(crate) fn drag(&self, selector: &str, by: i32) {
        let origin = json!({"element-6066-11e4-a52e-4f735466cecf": self.element(selector)});
        let actions = json!([
            {"type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "duration": 0, "x": by, "y": 0, "origin": "pointer"},
            {"type": "pointerUp", "button": 0},
        ]);
        self.post("actions", &json!({"actions": [{"type": "pointer", "id": "mouse", "actions": actions}]}));
    }

    /// The page on paper (A4), as PDF; base64.
    pub(crate) fn print(&self) -> String {
        let paper = json!({"page": {"width": 21.0, "height": 29.7}});
        self.post("print", &paper).as_str().expect("a document").to_string()
    }

    /// The whole page as a PNG image; base64.
    pub(crate) fn picture(&self) -> String {
        let picture = self.devtools("Page.captureScreenshot", &json!({"captureBeyondViewport": true}));
        picture["data"].as_str().expect("an image").to_string()
    }

    /// What has been logged since it was asked last.
    pub(crate) fn log(&self) -> Log {
        let lines =
            |kind: &str| self.post("se/log", &json!({"type": kind})).as_array().cloned().unwrap_or_default();
        let troubles = lines("browser").iter().map(|line| line["message"].to_string()).collect();
        let requests = lines("performance").iter().filter_map(requested).collect();
        Log { troubles, requests }
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post("element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        id.unwrap_or_else(|| panic!("no element {selector}")).to_string()
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}/{command}", self.session), body)
    }

    /// The value that chromedriver answers.
    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.exchange(method, path, body).expect("chromedriver answers");
        let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
        let value = answer["value"].take();
        assert!(value["error"].is_null(), "{path}: {} {}", value["error"], value["message"]);
        value
    }

    fn exchange(&self, method: &str, path: &str, body: &Value) -> std::io::Result<String> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line)? > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            line.clear();
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer)?;
        Ok(String::from_utf8(answer).expect("UTF-8"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium is chromedriver's child, and ends with the session.
        let _ = self.exchange("DELETE", &format!("/session/{}", self.session), &json!({}));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The port chromedriver says that it has taken.
fn port(said: &mut BufReader<ChildStdout>) -> u16 {
    let mut lines = said.lines().map_while(Result::ok);
    let line = lines
        .find(|line| line.contains("started successfully on port"))
        .expect("chromedriver tells its port");
    let digits = line.rsplit("on port ").next().expect("a port").trim_end_matches('.');
    digits.parse().expect("a number")
}

/// Without a window, and without what it would fetch for itself.
fn capabilities() -> Value {
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ];
    json!({
        "goog:chromeOptions": {"args": arguments},
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    })
}

/// The address of a request, if the line tells of one.
fn requested(line: &Value) -> Option<String> {
    let line: Value = serde_json::from_str(line["message"].as_str()?).ok()?;
    let message = &line["message"];
    (message["method"] == "Network.requestWillBeSent")
        .then(|| message["params"]["request"]["url"].as_str().unwrap_or_default().to_string())
}
