//! What is made of secrets that are known, and of words that merely look like one: a page stays a page, a receipt a receipt.

use crate::secrets::{VARIABLE, look, look_at_all_that_is_kept};
use crabbox_tests::{Ran, World};
use std::fs;

/// Runs this line of shell with a secret in `API_TOKEN`.
fn run(world: &World, more: &[&str], line: &str) -> Ran {
    let value = format!("API_TOKEN={VARIABLE}");
    world.crabbox(&[&["run", "--env", &value], more, &["--shell", line]].concat())
}

#[test]
fn the_name_of_a_file_that_came_is_remembered_without_its_secret() {
    let world = World::new();
    let ran = run(&world, &["--artifact", "out/*"], "mkdir out; echo hi >out/$API_TOKEN.txt");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // Who asks later knows of no secret.
    let listed = world.crabbox(&["artifacts", "@last"]).stdout;
    assert!(listed.contains("out/[redacted].txt"), "{listed}");
    for line in
        [&["artifacts", "--json"][..], &["inspect", "@last", "--json"], &["history", "receipt"]]
    {
        let ran = world.crabbox(line);
        assert_eq!(ran.code, 0, "{line:?}: {}", ran.stderr);
        look(&format!("{line:?}"), ran.stdout.as_bytes());
    }
    fs::remove_dir_all(world.only_box()).expect("the box itself has it");
    look_at_all_that_is_kept(&world);
}

/// A report whose message, text and output have another colour in the middle of the secret.
const IN_COLOURS: &str = r#"
t=$(printf '\033[31mcanary-of\033[0m-the-environment')
echo "<testsuite><testcase name='a'><failure message='$t'>$t</failure><system-out>$t</system-out></testcase></testsuite>" >junit.xml
exit 3
"#;

#[test]
fn a_page_shows_no_secret_that_has_two_colours() {
    let page = |world: &World, token: &str| {
        let ran = Ran::of(world.command(&["report", "-o", "-"]).env("API_TOKEN", token));
        assert!(ran.code == 0 && ran.stdout.contains("</html>"), "{}", ran.stderr);
        ran.stdout
    };
    let [then, now] = [World::new(), World::new()];
    assert_eq!(run(&then, &[], IN_COLOURS).code, 3);
    look("the page", page(&then, "").as_bytes());
    // Kept when nobody knew it.
    assert_eq!(now.crabbox(&["run", "--shell", IN_COLOURS]).code, 3);
    assert!(page(&now, "").contains(VARIABLE));
    look("the page", page(&now, VARIABLE).as_bytes());
}

#[test]
fn a_page_stays_one_whatever_word_is_a_secret() {
    let world = World::new();
    assert_eq!(run(&world, &[], IN_COLOURS).code, 3);
    let plain = world.crabbox(&["report", "-o", "-"]).stdout;
    for word in ["details", "summary", "section", "html>\n<html"] {
        let page = Ran::of(world.command(&["report", "-o", "-"]).env("SORT_KEY", word)).stdout;
        assert_eq!(page.matches('<').count(), plain.matches('<').count(), "{word}");
        assert_eq!(page.matches("<details").count(), plain.matches("<details").count(), "{word}");
    }
}

#[test]
fn a_receipt_is_one_whatever_word_is_a_secret() {
    for word in ["program", "command", "digest", "outcome"] {
        let world = World::new();
        let at = |name: &str| world.root().join(name).display().to_string();
        let line = format!("echo {word}; exit 3");
        let line = ["run", "--receipt", &at("receipt"), "--shell", &line];
        assert_eq!(Ran::of(world.command(&line).env("SORT_KEY", word)).code, 3);
        let printed = Ran::of(world.command(&["history", "receipt"]).env("SORT_KEY", word)).stdout;
        let bundle = ["bundle", "-o", &at("bundle")];
        assert_eq!(Ran::of(world.command(&bundle).env("SORT_KEY", word)).code, 0);
        let bundle = fs::read(at("bundle")).expect("reads");
        let bundle = zstd::decode_all(&*bundle).expect("unpacks");
        let bundle = String::from_utf8_lossy(&bundle).into_owned();
        let (_, bundled) = bundle.split_once("receipt.json").expect("one");
        assert!(bundled.contains(printed.trim_end()), "{word}: {bundled}");
        fs::write(at("printed"), printed).expect("writes");
        for receipt in ["receipt", "printed"] {
            let text = fs::read_to_string(at(receipt)).expect("reads");
            let shell = "\"shell\": \"echo [redacted]; exit 3\"";
            assert!(text.contains(shell) && text.matches("[redacted]").count() == 1, "{text}");
            let verified = world.crabbox(&["verify", &at(receipt)]);
            assert_eq!(verified.code, 0, "{word}: {}", verified.stderr);
        }
    }
}

#[test]
fn no_line_leads_to_a_test_that_the_log_has_under_another_name() {
    let world = World::new();
    let writes = |name: &str| {
        format!(
            "echo \"<testsuite><testcase name='{name}'><failure/></testcase></testsuite>\" >junit.xml
            seq 1000; echo \"in {name}\"; exit 3"
        )
    };
    let told = run(&world, &[], &writes("of $API_TOKEN")).stderr;
    assert!(told.contains("of [redacted]") && !told.contains("--test"), "{told}");
    let told = run(&world, &[], &writes("of it")).stderr;
    assert!(told.contains("--test 'of it'"), "{told}");
}
