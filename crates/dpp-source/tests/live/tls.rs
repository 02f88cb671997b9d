//! Senders over TLS, as which `openssl s_client` is taken.

use crate::place::{Place, Running, Scene, bytes_of, some_frames, stream, until};
use dpp_source::live::Count;
use dpp_source::live::LiveError;
use dpp_source::live::dnstap::{Listen, Receiver, Settings};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Makes a key and a certificate: of `authority`, or an authority of its own.
fn certificate(place: &Place, name: &str, authority: Option<&str>) -> (PathBuf, PathBuf) {
    let files = |name: &str| (place.path(&format!("{name}.pem")), place.path(&format!("{name}.key")));
    let (certificate, key) = files(name);
    let mut command = Command::new("openssl");
    command.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(' '));
    command.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    if let Some((certificate, key)) = authority.map(files) {
        command.args(["-addext", "basicConstraints=critical,CA:FALSE", "-CA"]).arg(certificate);
        command.arg("-CAkey").arg(key);
    }
    command.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    assert!(command.stderr(Stdio::null()).status().unwrap().success());
    (certificate, key)
}

fn scene(asks_for_certificates: bool) -> Scene {
    let place = Place::new();
    let (authority, _) = certificate(&place, "authority", None);
    certificate(&place, "client", Some("authority"));
    let (certificate, key) = certificate(&place, "server", Some("authority"));
    let address = "127.0.0.1:0".parse().unwrap();
    let client_authority = asks_for_certificates.then_some(authority);
    let listen = Listen::Tls { address, certificate, key, client_authority };
    let settings = Settings { handshake: Duration::from_secs(3), ..Settings::new(listen) };
    Scene::new(place, &settings)
}

fn client(scene: &Scene, version: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-verify_return_error", version, "-connect"]);
    command.arg(scene.address.unwrap().to_string()).arg("-CAfile").arg(scene.place.path("authority.pem"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

#[test]
fn frames_come_over_tls() {
    for version in ["-tls1_3", "-tls1_2"] {
        let (scene, sent) = (scene(false), some_frames(3000));
        let mut sender = Running::start(&mut client(&scene, version));
        sender.0.stdin.take().unwrap().write_all(&stream(&sent)).unwrap();
        scene.counts(Count::Taken, 3000);
        drop(sender);
        assert_eq!(scene.count(Count::ProtocolErrors) + scene.count(Count::ConnectionsBroken), 0);
        assert_eq!(bytes_of(&scene.end()), sent);
    }
}

#[test]
fn senders_are_answered_over_tls() {
    let (scene, sent) = (scene(false), some_frames(10));
    let mut sender = Running::start(&mut client(&scene, "-tls1_3"));
    let (mut to, mut from) = (sender.0.stdin.take().unwrap(), sender.0.stdout.take().unwrap());
    let mut said = stream(&sent);
    // READY, where START was.
    let ready: Vec<u8> = [&said[..11], b"\x04", &said[12..42]].concat();
    to.write_all(&ready).unwrap();
    let mut accept = [0; 42];
    from.read_exact(&mut accept).unwrap();
    assert_eq!(accept[11], 1);
    to.write_all(&said.split_off(0)).unwrap();
    let mut finish = [0; 12];
    from.read_exact(&mut finish).unwrap();
    assert_eq!(finish[11], 5);
    scene.counts(Count::Taken, 10);
    assert_eq!(bytes_of(&scene.end()), sent);
}

#[test]
fn without_its_certificate_a_sender_is_turned_away_if_one_is_asked_for() {
    let (scene, sent) = (scene(true), some_frames(10));
    let mut sender = Running::start(&mut client(&scene, "-tls1_3"));
    let _ = sender.0.stdin.take().unwrap().write_all(&stream(&sent));
    scene.counts(Count::ProtocolErrors, 1);
    assert_eq!(scene.count(Count::Taken), 0);
    let mut command = client(&scene, "-tls1_3");
    command.arg("-cert").arg(scene.place.path("client.pem")).arg("-key").arg(scene.place.path("client.key"));
    let mut sender = Running::start(&mut command);
    sender.0.stdin.take().unwrap().write_all(&stream(&sent)).unwrap();
    scene.counts(Count::Taken, 10);
}

#[test]
fn who_speaks_no_tls_is_turned_away() {
    let scene = scene(false);
    let mut sender = TcpStream::connect(scene.address.unwrap()).unwrap();
    sender.write_all(&stream(&some_frames(10))).unwrap();
    scene.counts(Count::ProtocolErrors, 1);
    let silent = TcpStream::connect(scene.address.unwrap()).unwrap();
    until("it is taken", || scene.count(Count::Connections) == 2);
    scene.counts(Count::ProtocolErrors, 2);
    drop(silent);
}

#[test]
fn credentials_that_cannot_be_used_are_named() {
    let place = Place::new();
    let (certificate, key) = certificate(&place, "server", None);
    let nonsense = place.path("nonsense");
    fs::write(&nonsense, "nonsense").unwrap();
    for (certificate, key) in
        [(&nonsense, &key), (&certificate, &nonsense), (&certificate, &place.path("none"))]
    {
        let listen = Listen::Tls {
            address: "127.0.0.1:0".parse().unwrap(),
            certificate: certificate.clone(),
            key: key.clone(),
            client_authority: None,
        };
        let error = Receiver::open(&Settings::new(listen)).unwrap_err();
        assert!(
            matches!(&error, LiveError::Credentials { path, .. } if path.ends_with("nonsense") || path.ends_with("none")),
            "{error}"
        );
    }
}
