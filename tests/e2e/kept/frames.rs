//! Calls to a library that this crabbox makes none of: as one of another version would make them.

use super::shelf::{folder, put_all};
use crabbox_tests::{World, built};
use serde_json::{Value, json};
use std::env::consts::ARCH;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A child with one library, and the host's end of what leads to it.
struct Caller {
    child: Child,
    socket: UnixStream,
    calls: u64,
}

impl Caller {
    fn of(library: &Path) -> Self {
        let (socket, theirs) = UnixStream::pair().expect("a pair");
        let mut command = Command::new(&built().crabbox);
        command
            .arg("__provider-child")
            .env_clear()
            .stdin(File::open(library).expect("a library"))
            .stdout(OwnedFd::from(theirs))
            .stderr(Stdio::null());
        let child = command.spawn().expect("starts");
        // The command holds the other end open.
        drop(command);
        let mut caller = Self { child, socket, calls: 0 };
        assert_eq!(caller.hears(), "ready");
        caller
    }

    fn hears(&mut self) -> Value {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length).expect("a frame");
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.socket.read_exact(&mut frame).expect("a frame");
        serde_json::from_slice(&frame).expect("JSON")
    }

    /// Status and body of the answer.
    fn call(&mut self, hook: &str, request: &Value) -> (u64, Value) {
        self.calls += 1;
        let call = json!({"id": self.calls, "hook": hook, "log": 0, "request": request});
        let frame = json!({ "call": call }).to_string();
        let length = u32::try_from(frame.len()).expect("short").to_be_bytes();
        self.socket.write_all(&length).expect("writes");
        self.socket.write_all(frame.as_bytes()).expect("writes");
        let answer = self.hears();
        assert_eq!(answer["answer"]["id"], self.calls, "{answer}");
        (answer["answer"]["status"].as_u64().expect("a number"), answer["answer"]["body"].clone())
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        // It leaves by itself once nobody is there.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}

/// A library of the first version that was frozen.
fn first(world: &World, name: &str) -> Caller {
    let folder = put_all(world, &folder("1.0.0", ARCH));
    Caller::of(&folder.join(format!("libcrabbox_provider_{name}.so")))
}

#[test]
fn an_extension_that_an_older_provider_does_not_know_is_unsupported() {
    let mut caller = first(&World::new(), "desk");
    let (status, error) = caller.call("shelve", &json!({"books": 7}));
    assert_eq!((status, &error["code"]), (1, &"unsupported".into()), "{error}");
    assert_eq!(error["message"], "this provider has no extension `shelve`");
}

#[test]
fn an_extension_that_an_older_host_does_not_know_is_unsupported() {
    let world = World::new();
    let folder = put_all(&world, &folder("1.0.0", "next"));
    let mut caller = Caller::of(&folder.join("libcrabbox_provider_next.so"));
    // Its answer is what the host's table said to a name of its own.
    let (status, error) = caller.call("greet", &json!({}));
    assert_eq!((status, &error["code"]), (1, &"unsupported".into()), "{error}");
    assert_eq!(error["message"], "this crabbox has no extension `greet_back`");
}

#[test]
fn an_older_provider_ignores_fields_that_it_does_not_know() {
    let world = World::new();
    let root = world.root().join("desk");
    let settings = json!({"root": root, "colour": {"red": [1, 2]}});
    let mut caller = first(&world, "desk");
    let (status, answer) =
        caller.call("list", &json!({"settings": settings, "depth": {"full": 1}}));
    assert_eq!((status, answer), (0, json!({"resources": []})));
    let request = json!({
        "lease": "cbx_0123456789ab",
        "resource": {"name": "machine", "id": "machine-machine", "smell": "paint"},
        "scope": {"deployment": "desk", "account": "1", "floor": 3},
        "intent": "status",
        "settings": settings,
        "umbrella": true,
    });
    let (status, answer) = caller.call("resolve", &request);
    assert_eq!((status, &answer["outcome"]), (0, &"missing".into()), "{answer}");
}

#[test]
fn an_older_provider_does_nothing_for_a_word_that_it_must_know() {
    let world = World::new();
    let mut caller = first(&world, "desk");
    let request = json!({
        "lease": "cbx_0123456789ab",
        "resource": {"name": "machine", "id": "machine-machine"},
        "scope": {"deployment": "desk", "account": "1"},
        "settings": {"root": world.root().join("desk")},
    });
    for (hook, field) in [("resolve", "intent"), ("release", "action")] {
        let mut request = request.clone();
        request[field] = "later".into();
        let (status, error) = caller.call(hook, &request);
        assert_eq!((status, &error["code"]), (1, &"internal".into()), "{error}");
        assert!(error["message"].as_str().expect("a text").contains("`later`"), "{error}");
    }
    assert!(!world.root().join("desk/calls").exists(), "neither hook was begun");
}
