//! Secrets go in wherever something can go in, and come out nowhere: each canary is looked for in
//! everything that crabbox prints, keeps, or hands to a process in its arguments.

use crate::desk::Desk;
use crate::exec_run;
use crabbox_tests::{Ran, World, until};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const CONFIG: &str = "canary/of-the \"config\"";
pub(crate) const VARIABLE: &str = "canary-of-the-environment";
const FLAG: &str = "canary-of-a-flag";
const HANDED_ON: &str = "canary-that-is-handed-on";
const INPUT: &str = "canary-of-the-input";
const REPORT: &str = "canary<of>a&report";
const ALL: [&str; 6] = [CONFIG, VARIABLE, FLAG, HANDED_ON, INPUT, REPORT];

/// The forms in which each could come out.
fn forms() -> Vec<String> {
    let plain = ALL.iter().map(|canary| (*canary).to_owned());
    let other = [
        "canary%2Fof-the%20%22config%22",
        "canary/of-the \\\"config\\\"",
        "canary&lt;of&gt;a&amp;report",
        "canary&#60;of&#62;a&#38;report",
    ];
    plain.chain(other.map(str::to_owned)).collect()
}

pub(crate) fn look(what: &str, bytes: &[u8]) {
    for form in forms() {
        let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
        assert!(!found, "{what} shows `{form}`: {}", String::from_utf8_lossy(bytes));
    }
}

/// Every file below a folder, and the names of them.
fn look_below(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        look("a name", path.as_os_str().as_encoded_bytes());
        if path.is_dir() {
            look_below(&path);
        } else if path.is_file() {
            look(&path.display().to_string(), &content(&path));
        }
    }
}

/// What is in a file, unpacked.
fn content(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).expect("reads");
    zstd::decode_all(&*bytes).unwrap_or(bytes)
}

pub(crate) fn look_at_all_that_is_kept(world: &World) {
    for folder in ["state", "cache", "data", "runtime"] {
        look_below(&world.root().join(folder));
    }
}

/// Runs a line; what it prints holds no canary. Returns that it printed.
fn ran(command: &mut Command) -> Ran {
    let ran = Ran::of(command);
    look("standard output", ran.stdout.as_bytes());
    look("standard error", ran.stderr.as_bytes());
    ran
}

fn with_canaries(command: &mut Command) -> &mut Command {
    command.env("MISBEHAVING_TOKEN", VARIABLE).env("HANDED_ON_TOKEN", HANDED_ON)
}

/// A provider that tells everything it knows, with a configured secret.
fn telling() -> (World, String) {
    let world = World::new();
    let token = CONFIG.replace('"', "\\\"");
    world.configure(&format!(
        "[provider.misbehaving]\nlease = 'tells'\ndoctor = 'tells'\ntoken = \"{token}\"\n"
    ));
    let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
    (world, path)
}

#[test]
fn what_a_provider_tells_comes_out_nowhere() {
    let (world, path) = telling();
    let log = world.root().join("log").display().to_string();
    let common = ["--provider-path", &path, "-vv", "--log-file", &log];
    let run = ["run", "--provider", "misbehaving", "--", "true"];
    let doctor = ["doctor", "--provider", "misbehaving"];
    for json in [&[][..], &["--json"]] {
        for (line, code) in [(&run[..], 125), (&doctor, 1)] {
            let line = [&common, json, line].concat();
            let ran = ran(with_canaries(&mut world.command(&line)));
            assert_eq!(ran.code, code, "{}", ran.stderr);
            // It was told, in each way.
            let told = "its secrets are [redacted] and [redacted]";
            let log = format!("}}: {told}\n");
            assert!(ran.stderr.contains(&log), "{}", ran.stderr);
            assert!([ran.stderr, ran.stdout].concat().matches(told).count() > 2);
        }
    }
    look("the log file", &fs::read(&log).expect("reads"));
    for line in [
        &["debug", "last"][..],
        &["debug", "last", "--json"],
        &["debug", "list"],
        &["list", "--all", "--json"],
        &["list", "--all"],
        &["config", "show"],
        &["config", "show", "--json"],
        &["config", "check"],
        &["config", "explain", "provider.misbehaving.token"],
        &["provider", "list", "--json"],
    ] {
        // A new process, which knows of no secret but what it is given.
        let line = [&["--provider-path", path.as_str()], line].concat();
        let _ = ran(&mut world.command(&line));
    }
    look_at_all_that_is_kept(&world);
}

#[test]
fn a_provider_can_not_have_a_secret_recorded_or_put_into_arguments() {
    for (how, said) in
        [("names", "could not record the resource"), ("hands out", "its answer holds a secret")]
    {
        let world = World::new();
        world.configure(&format!("[provider.misbehaving]\nlease = '{how}'\n"));
        let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
        let line = ["run", "-vv", "--provider-path", &path, "--provider", "misbehaving"];
        let mut command = world.command(&[&line[..], &["--", "true"]].concat());
        let ran = ran(with_canaries(&mut command));
        assert_eq!(ran.code, 125, "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        look_at_all_that_is_kept(&world);
    }
}

#[test]
fn what_goes_to_a_program_goes_nowhere_else() {
    let world = World::new();
    let (hello, done) = (world.root().join("hello"), world.root().join("done"));
    // The words of a program are its own business: the values don't stand there.
    let script = format!(
        "test \"$(echo $API_TOKEN $HANDED_ON_TOKEN $(cat) | wc -c)\" = {} && touch '{}'
        until test -e '{}'; do sleep 0.01; done",
        [FLAG, HANDED_ON, INPUT].join(" ").len() + 1,
        hello.display(),
        done.display(),
    );
    let log = world.root().join("log").display().to_string();
    let flag = format!("API_TOKEN={FLAG}");
    let line = ["run", "-vv", "--log-file", &log, "--env", &flag, "--env", "HANDED_ON_TOKEN"];
    let mut command = world.command(&[&line[..], &["--shell", &script]].concat());
    let mut child = with_canaries(&mut command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(INPUT.as_bytes()).expect("writes");
    drop(stdin);
    until("the program has read", || hello.exists());
    let mut processes = 0;
    for id in descendants(child.id()) {
        look(
            "the arguments of a process",
            &fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default(),
        );
        processes += 1;
    }
    assert!(processes > 1, "{processes}");
    fs::write(done, "").expect("a file");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    look("standard error", ran.stderr.as_bytes());
    look("the log file", &fs::read(&log).expect("reads"));
    look_at_all_that_is_kept(&world);
}

/// The processes that this one has started, and those that they have.
fn descendants(process: u32) -> BTreeSet<u32> {
    let mut all = BTreeSet::new();
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    for task in tasks {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            all.insert(child);
            all.extend(descendants(child));
        }
    }
    all
}

#[test]
fn a_wrong_line_is_answered_without_its_secrets() {
    let world = World::new();
    let flag = format!("API_TOKEN={FLAG}");
    let joined = format!("--env={flag}");
    for line in [
        &["run", "--env", &flag, "--frsh", "--", "true"][..],
        &["run", &joined, "--frsh", "--json", "--", "true"],
        &["run", "--env", &flag, "--id", "no-such", "--json", "--", "true"],
        &["run", "--env", &flag, "--dir", "/", "--", "true"],
    ] {
        let ran = ran(&mut world.command(line));
        assert_eq!(ran.code, 125, "{line:?}");
    }
    let said = world.crabbox(&["run", "--env", &flag, "--frsh"]).stderr;
    assert!(said.contains("API_TOKEN=[redacted]"), "{said}");
    look_at_all_that_is_kept(&world);
}

#[test]
fn what_a_tool_prints_comes_out_nowhere() {
    let world = World::new();
    let tool = exec_run::boxctl(&world).replace("warming $2 up", &format!("warming {VARIABLE} up"));
    let line = ["-vv", "run", "--", "true"];
    let ran = ran(with_canaries(&mut exec_run::command(&world, &tool, &line)));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // The provider repeats it.
    assert!(ran.stderr.contains("warming [redacted] up"), "{}", ran.stderr);
    look_at_all_that_is_kept(&world);
}

#[test]
fn what_the_way_to_a_box_says_comes_out_nowhere() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let babble = format!("denied for {VARIABLE}\n");
    fs::write(desk.machine().join("babble"), babble).expect("a file");
    for json in [&[][..], &["--json"]] {
        let mut command = desk.command(&[&["-vv"], json, &["--", "true"]].concat());
        let ran = ran(with_canaries(&mut command));
        assert_eq!(ran.code, 125, "{}", ran.stderr);
        assert!(ran.stderr.contains("denied for [redacted]"), "{}", ran.stderr);
    }
    let _ = ran(&mut desk.world.command(&["list", "--all", "--json"]));
    let _ = ran(&mut desk.world.command(&["debug", "last"]));
    look_at_all_that_is_kept(&desk.world);
}

#[test]
fn a_secret_that_the_program_prints_is_shown_and_covered_in_what_is_kept() {
    let world = World::new();
    // Whole, in two pieces, and at the end, without a newline.
    let line = "echo \"<$API_TOKEN>\"; printf c4nary-; sleep 0.05; echo of-the-log >&2; \
        echo of-the-log; printf %s \"$API_TOKEN\"";
    let value = "API_TOKEN=c4nary-of-the-log";
    let ran = world.crabbox(&["run", "--env", value, "--shell", line]);
    assert_eq!(ran.stdout, "<c4nary-of-the-log>\nc4nary-of-the-log\nc4nary-of-the-log");
    let kept = world.crabbox(&["logs", "@last", "--stdout"]).stdout;
    let cover = "*".repeat(17);
    assert_eq!(kept.trim_end(), format!("<{cover}>\n{cover}\n{cover}"));
    let kept = world.crabbox(&["logs", "@last", "--stderr"]).stdout;
    assert_eq!(kept, "of-the-log\n");
    let record = world.crabbox(&["history", "--json"]).stdout;
    let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
    let printed = ran.stdout.len() + kept.len();
    assert_eq!(record["runs"][0]["log"], serde_json::json!({ "bytes": printed, "cut": 0 }));
}

/// Writes a report that holds its variable in every corner, escaped in two ways; and prints it.
const TELLS_ALL: &str = r#"
t=$(printf %s "$WORD" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g')
n=$(printf %s "$WORD" | sed 's/&/\&#38;/g; s/</\&#60;/g; s/>/\&#62;/g')
cat >junit.xml <<END
<testsuite name='suite $n'><testcase classname='class $t' name='name $t'>
<failure message='m $t'><![CDATA[$WORD]]> at src/$n.rs:3</failure><system-out>$t</system-out>
</testcase></testsuite>
END
cp junit.xml "$WORD.xml"; echo >>"$WORD.xml"; echo "<$WORD"
exit 3
"#;

#[test]
fn what_a_program_writes_into_its_reports_is_kept_nowhere() {
    let world = World::new();
    world.write("tells.sh", &format!("WORD=$API_TOKEN\n{TELLS_ALL}"));
    let (here, value) = (world.root().join("written"), format!("API_TOKEN={REPORT}"));
    fs::create_dir(&here).expect("a folder");
    let at = |name: &str| here.join(name).display().to_string();
    let line = ["run", "--json", "--env", &value, "--junit", "canary*.xml"];
    let ways_out = ["--receipt", &at("receipt"), "--events", &at("events")];
    let line = [&line[..], &ways_out, &["--", "sh", "tells.sh"]].concat();
    let told = world.crabbox(&line);
    assert_eq!(told.code, 3, "{}", told.stderr);
    look("the document", told.stdout.as_bytes());
    assert!(told.stdout.contains("\"m [redacted]\""), "{}", told.stdout);
    // Those who ask later know of no secret.
    for line in [
        &["results", "--failed"][..],
        &["results", "--json"],
        &["results", "--test", "name"],
        &["logs", "--test", "name"],
        &["report", "-o", &at("page")],
        &["bundle", "-o", &at("bundle")],
        &["history", "receipt"],
        &["inspect", "@last", "--json"],
    ] {
        let ran = ran(&mut world.command(line));
        assert_eq!(ran.code, 0, "{line:?}: {}", ran.stderr);
    }
    let found = world.crabbox(&["results", "--failed"]).stdout;
    // Nor is a piece of one taken for a place.
    assert!(found.contains("m [redacted]") && !found.contains("report.rs"), "{found}");
    fs::remove_dir_all(world.only_box()).expect("the box itself has it");
    look_below(&here);
    look_at_all_that_is_kept(&world);
}

#[test]
fn what_was_kept_when_nobody_knew_it_was_a_secret_goes_out_by_no_way() {
    let world = World::new();
    world.write("tells.sh", TELLS_ALL);
    let here = world.root().join("written");
    fs::create_dir(&here).expect("a folder");
    let at = |name: &str| here.join(name).display().to_string();
    let value = format!("WORD={REPORT}");
    assert_eq!(world.crabbox(&["run", "--env", &value, "--", "sh", "tells.sh"]).code, 3);
    for line in [
        &["results", "--failed"][..],
        &["results", "--json"],
        &["logs", "--test", "name"],
        &["report"],
        &["report", "-o", &at("page")],
        &["report", "-o", "-"],
        &["bundle", "-o", &at("bundle")],
        &["history", "receipt"],
    ] {
        let ran = ran(world.command(line).env("API_TOKEN", REPORT));
        assert_eq!(ran.code, 0, "{line:?}: {}", ran.stderr);
    }
    look_below(&here);
    // A page is drawn beside what is kept, if it is to go nowhere else.
    let page = world.crabbox(&["report"]).stdout;
    let page = Path::new(page.trim_end());
    assert_eq!(ran(world.command(&["report"]).env("API_TOKEN", REPORT)).code, 0);
    look("the page", &fs::read(page).expect("reads"));
    // What a run writes down of itself: of what came, too.
    let line = "mkdir out; echo >out/$WORD";
    let line = [
        "run",
        "--env",
        &value,
        "--artifact",
        "out/*",
        "--receipt",
        &at("receipt"),
        "--shell",
        line,
    ];
    assert_eq!(ran(world.command(&line).env("API_TOKEN", REPORT)).code, 0);
    assert!(fs::read_to_string(at("receipt")).expect("reads").contains("out/[redacted]"));
    look_below(&here);
}
