//! What is said of a line that can't work: what was most likely meant, and nothing that can't work
//! either.

use crate::desk::Desk;
use crate::settings::Gallery;
use crabbox_tests::{Ran, World};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn refused(ran: &Ran, said: &[&str]) {
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    for line in said {
        assert!(ran.stderr.contains(line), "{line}: {}", ran.stderr);
    }
}

#[test]
fn a_lease_of_another_provider_than_the_named_one_is_not_used() {
    let gallery = Gallery::new("");
    assert_eq!(gallery.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    let list = gallery.crabbox(&["list", "--json"]).stdout;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    let slug = list["leases"][0]["slug"].as_str().expect("a slug");
    let run = |provider: &str| {
        gallery.crabbox(&["run", "--id", slug, "--provider", provider, "--", "true"])
    };
    let message = format!("`{slug}` is a lease of `local`, not of `gallery`");
    refused(&run("gallery"), &[&message, &format!("run --id {slug} -- true\n")]);
    refused(&run("nope"), &["there is no provider `nope`"]);
    assert_eq!(run("local").code, 0);
}

#[test]
fn what_is_missing_is_named_and_what_stands_there_is_not_repeated() {
    let world = World::new();
    for (line, message, hint) in [
        (
            &["--no-wait", "--", "true"][..],
            "`--no-wait` needs `--id`",
            "--no-wait --id ID -- true\n",
        ),
        (&["--shell", "exit 3", "--no-wait"], "`--no-wait` needs `--id`", "--no-wait --id ID\n"),
        (&["--"], "there is no command to run", "crabbox run -- COMMAND\n"),
    ] {
        refused(&world.crabbox(&[&["run"], line].concat()), &[message, hint]);
    }
}

#[test]
fn a_provider_that_can_not_be_started_is_not_asked_for_another_box() {
    let desk = Desk::new("impostor = true");
    let ran = desk.run(&["--fresh", "--", "true"]);
    assert_eq!(ran.code, 125);
    assert_eq!(ran.stderr.matches("--fresh").count(), 1, "{}", ran.stderr);
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    let library = fs::read_dir(&desk.path).expect("reads").next().expect("one").expect("a file");
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(library.path(), open).expect("a mode");
    let ran = desk.run(&["--", "true"]);
    refused(&ran, &["chmod go-w"]);
    assert!(!ran.stderr.contains("--fresh"), "{}", ran.stderr);
}

#[test]
fn an_option_that_is_not_near_is_not_suggested_and_no_secret_is() {
    let gallery = Gallery::bare();
    let options = "provider options gallery\n";
    for (flags, hint) in [
        (&["--gallery-nope", "abc"][..], options),
        (&["--gallery-isolation", "none"], options),
        (&["--gallery-tokn", "abc"], "--gallery-token-file FILE -- true\n"),
        (&["--gallery-tokn=abc"], "--gallery-token-file FILE -- true\n"),
    ] {
        let said = gallery.refused(gallery.run_command(flags));
        assert!(said.contains(hint), "{flags:?}: {said}");
        assert!(!said.contains("abc"), "{flags:?}: {said}");
    }
}

#[test]
fn a_script_without_its_first_line_is_given_to_a_shell() {
    let world = World::new();
    world.write("code", "echo it runs\n");
    let code = world.checkout().join("code");
    fs::set_permissions(code, fs::Permissions::from_mode(0o755)).expect("a mode");
    let ran = world.crabbox(&["run", "--", "./code"]);
    assert_eq!(ran.code, 126, "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: crabbox run -- sh ./code\n"), "{}", ran.stderr);
}

#[test]
fn a_repository_can_not_ask_for_what_is_not_there() {
    let world = World::new();
    world.write(".crabbox.toml", "[lease]\nprovider = 'desk'\n");
    let ran = world.crabbox(&["run", "--", "true"]);
    refused(&ran, &["asks for the provider `desk`, which isn't installed", "provider list\n"]);
    assert!(!ran.stderr.contains("--provider desk"), "{}", ran.stderr);
}

#[test]
fn a_wrong_value_is_told_where_it_stands() {
    let world = World::new();
    let ran = Ran::of(world.command(&["run", "--", "true"]).env("CRABBOX_HEARTBEAT", "x"));
    refused(&ran, &["`x` is no value of `CRABBOX_HEARTBEAT`"]);
    let ran = Ran::of(world.command(&["run", "--", "true"]).env("CRABBOX_LEASE_IDLE", "x"));
    refused(&ran, &["hint: crabbox config explain lease.idle\n"]);
    let ran = world.crabbox(&["run", "-v", "-q", "--", "true"]);
    refused(&ran, &["can't be given together"]);
    assert!(!ran.stderr.contains("..."), "{}", ran.stderr);
}

#[test]
fn nobody_is_told_to_send_a_whole_machine() {
    let world = World::new();
    let ran = Ran::of(world.command(&["run", "--", "true"]).current_dir("/"));
    refused(&ran, &["go to the folder of a project first"]);
    assert!(!ran.stderr.contains("--from-dir"), "{}", ran.stderr);
}

#[test]
fn a_quiet_list_says_nothing_of_what_is_wrong_with_a_lease() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    assert_eq!(desk.run(&["--", "true"]).code, 125);
    assert!(desk.crabbox(&["list"]).stderr.contains("hint: crabbox"));
    assert!(!desk.crabbox(&["list", "-q"]).stderr.contains("hint: "));
}

/// Whoever pastes a hint types no sentence.
#[test]
fn what_is_only_to_be_known_is_no_hint() {
    let world = World::new();
    let ran = world.crabbox(&["run", "--provider", "nobody", "--", "true"]);
    refused(&ran, &["  note: there are: coder, local, ssh\n", "  hint: crabbox provider list\n"]);
    let ran = world.crabbox(&["run", "--json", "--provider", "nobody", "--", "true"]);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(document["error"]["notes"][0], "there are: coder, local, ssh");
}

#[test]
fn what_holds_for_the_whole_command_is_said_once_and_not_if_it_was_settled() {
    let gallery = Gallery::new("");
    let said = "come before all others";
    let run = ["run", "--provider", "gallery", "--", "true"];
    let flag = gallery.crabbox(&run).stderr;
    assert_eq!(flag.matches(&format!("warning: providers in `{}`", gallery.path)).count(), 1);
    let root = gallery.world.root().join("rooms");
    gallery.world.configure(&format!(
        "[providers]\npath = ['{}']\n[provider.gallery]\nroot = '{}'\nisolation = 'none'\n",
        gallery.path,
        root.display()
    ));
    let settled = gallery.world.crabbox(&run).stderr;
    assert_eq!(settled.matches(said).count(), 1, "{settled}");
    assert!(!settled.contains("warning: providers"), "{settled}");
    assert_eq!(settled.matches("runs inside of crabbox").count(), 1, "{settled}");
    let quiet = gallery.world.crabbox(&[&["-q"], &run[..]].concat()).stderr;
    assert!(!quiet.contains(said), "{quiet}");
    let nowhere = gallery.world.crabbox(&["--provider-path", "/nope", "list"]).stderr;
    assert!(!nowhere.contains("/nope` come before"), "{nowhere}");
}

#[test]
fn boxes_of_other_settings_take_one_line() {
    let gallery = Gallery::new("");
    for size in ["small", "large"] {
        assert_eq!(Ran::of(&mut gallery.run_command(&["--gallery-size", size])).code, 0);
    }
    let ran = gallery.crabbox(&["run", "--provider", "gallery", "--", "true"]);
    assert_eq!(ran.stderr.matches("leased under other settings").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains(" and 1 more were leased"), "{}", ran.stderr);
}

#[test]
fn a_variable_that_means_nothing_is_told_of() {
    let gallery = Gallery::new("");
    let mut command = gallery.command(&["run", "--provider", "gallery", "--", "true"]);
    command.env("CRABBOX_LEASE_IDEL", "1m").env("CRABBOX_GALLERY_NOPE", "1");
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for line in [
        "warning: CRABBOX_LEASE_IDEL: it is no variable of a setting\n",
        "hint: did you mean `CRABBOX_LEASE_IDLE`?\n",
        "warning: CRABBOX_GALLERY_NOPE: it is no variable of a setting\n",
    ] {
        assert!(ran.stderr.contains(line), "{}", ran.stderr);
    }
    let checked = |more: &[&str]| {
        let mut command = gallery.command(&[&["config", "check"], more].concat());
        let ran = Ran::of(command.env("CRABBOX_GALLERY_NOPE", "1"));
        ran.stderr.contains("CRABBOX_GALLERY_NOPE: ")
    };
    let file = gallery.world.root().join("config/crabbox/config.toml");
    assert!(checked(&[]) && !checked(&[&file.display().to_string()]), "the file alone");
    let explain = gallery.crabbox(&["config", "explain", "provider.nope.x"]);
    assert_eq!(explain.code, 4, "{}", explain.stderr);
    assert!(explain.stderr.contains("there is no provider `nope`"), "{}", explain.stderr);
}
