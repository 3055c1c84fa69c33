//! The page of a run, as a browser shows it.

use crabbox_tests::World;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A world with a run that has all that a page shows.
fn world() -> World {
    let world = World::new();
    let line = "printf 'one\\n\\033[31mtwo\\033[0m\\n<script>document.title = \"bad\"</script>\\n'; \
        echo oops >&2; echo \"<testsuite name='s'><testcase name='a' time='1'/>\
        <testcase name='b' time='2'><failure message='b is wrong'>at src/b.rs:7</failure></testcase></testsuite>\" >junit.xml; exit 1";
    for _ in 0..2 {
        assert_eq!(world.crabbox(&["run", "--shell", line]).code, 1);
    }
    world
}

#[test]
fn a_page_holds_the_run_and_what_was_printed_is_text() {
    let world = world();
    let ran = world.crabbox(&["report"]);
    let path = PathBuf::from(ran.stdout.trim());
    let page = fs::read_to_string(&path).expect("a page");
    for part in ["exit 1", "b is wrong", "src/b.rs:7", "The last 2 runs", "id=\"L2\"", ">two<"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains('\u{1b}'));
    assert_eq!(world.crabbox(&["report", "-o", "run.html"]).stdout, "run.html\n");
    assert!(world.checkout().join("run.html").exists());
    assert!(world.crabbox(&["report", "-o", "-"]).stdout.starts_with("<!DOCTYPE html>"));
    let ran = world.crabbox(&["report", "-o", "no/such/run.html"]);
    assert!(ran.code == 1 && ran.stderr.contains("hint: crabbox report -o FILE"), "{}", ran.stderr);
}

#[test]
fn a_page_is_opened_by_what_shows_pages_here() {
    let world = world();
    let seen = world.root().join("seen");
    let browser = world.root().join("browser");
    fs::write(&browser, format!("#!/bin/sh\necho \"$1\" >{}\n", seen.display())).expect("writes");
    let browser = world.executable("browser-here", &browser);
    let mut open = world.command(&["report", "--open"]);
    assert!(open.env("BROWSER", &browser).status().expect("runs").success());
    crabbox_tests::until("the page is shown", || seen.exists());
    let mut open = world.command(&["report", "--open"]);
    let none = open.env("BROWSER", "/no/such/browser").output().expect("runs");
    assert_eq!(none.status.code(), Some(1));
}

/// What is on the screen of this width, as a picture: its size in bytes says whether there is something on it.
fn draw(page: &Path, picture: &Path, width: u32) -> u64 {
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]);
    chromium.arg(format!("--window-size={width},1200"));
    chromium.arg(format!("--screenshot={}", picture.display()));
    let home = picture.parent().expect("a folder");
    chromium.arg(format!("file://{}", page.display())).env("HOME", home);
    let drawn = chromium.output().expect("chromium runs");
    assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
    fs::metadata(picture).expect("a picture").len()
}

#[test]
#[expect(clippy::print_stdout, reason = "what is skipped is said")]
fn a_browser_shows_it_wide_and_narrow() {
    if Command::new("chromium").arg("--version").output().is_err() {
        println!("skipped: there is no chromium here");
        return;
    }
    let world = world();
    assert_eq!(world.crabbox(&["report", "-o", "run.html"]).code, 0);
    let page = world.checkout().join("run.html");
    let empty = world.root().join("empty.html");
    fs::write(&empty, "<!DOCTYPE html>").expect("writes");
    for width in [1280, 400] {
        let picture = world.root().join(format!("{width}.png"));
        let drawn = draw(&page, &picture, width);
        let nothing = draw(&empty, &world.root().join("empty.png"), width);
        assert!(drawn > 3 * nothing, "{drawn} against {nothing} bytes");
    }
    // Nothing of it is wider than a narrow screen, and no script of the log has run.
    let mut dump = Command::new("chromium");
    dump.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--dump-dom",
        "--window-size=400,800",
    ]);
    let dom = dump.arg(format!("file://{}", page.display())).env("HOME", world.root()).output();
    let dom = String::from_utf8(dom.expect("chromium runs").stdout).expect("text");
    assert!(!dom.contains("<title>bad") && dom.contains("b is wrong"));
}
