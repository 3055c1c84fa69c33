//! Reports of tests: what the run has made, and nothing that was there before.

use super::{document, reports, run, texts};
use crabbox_tests::World;

#[test]
fn only_what_the_run_has_made_is_a_report() {
    let world = World::new();
    // One that comes with the sync, a moment before the command starts.
    world.write("old.xml", "<old/>");
    world.write("again.xml", "<again/>");
    let options = ["--junit", "**/*.xml", "--keep"];
    let line = "mkdir -p deep; echo '<new/>' >deep/new.xml; echo '<changed/>' >again.xml";
    let done = run(&world, &options, line);
    assert_eq!(reports(&world, &done), ["again.xml", "deep/new.xml"]);
    // And one that an earlier run has made.
    let done = run(&world, &options, "echo '<more/>' >more.xml");
    assert_eq!(reports(&world, &done), ["more.xml"]);
    let done = run(&world, &options, "true");
    assert_eq!(reports(&world, &done), [""; 0]);
}

#[test]
fn the_repository_says_where_reports_are() {
    let world = World::new();
    world.write(".crabbox.toml", "[results]\njunit = ['out/*.xml']\n");
    let done = run(
        &world,
        &["--junit", "more.xml"],
        "mkdir out; echo '<a/>' >out/a.xml; echo '<b/>' >more.xml",
    );
    assert_eq!(reports(&world, &done), ["more.xml", "out/a.xml"]);
    world.write(".crabbox.toml", "[results]\njunit = ['/out/*.xml']\n");
    let ran = world.crabbox(&["run", "--", "true"]);
    assert!(ran.code == 125 && ran.stderr.contains("`results.junit /out/*.xml` is no pattern"));
}

#[test]
fn a_report_by_a_link_comes_once_and_by_none_that_leads_out() {
    let world = World::new();
    let line = "mkdir real; echo '<x/>' >real/r.xml; echo '<y/>' >real/other.txt; \
        ln -s real/r.xml r.xml; ln -s real/other.txt one.xml; ln -s one.xml two.xml; \
        ln -s real linked; ln -s /etc/hostname out.xml";
    let done = run(&world, &["--junit", "**/*.xml"], line);
    let came = reports(&world, &done);
    assert!(came == ["one.xml", "real/r.xml"] || came == ["real/r.xml", "two.xml"], "{came:?}");
    assert_eq!(texts(&done["artifacts"]["left_out"], "path"), ["out.xml"]);
    // As artifacts, files have the names that were asked for.
    let ran = world.crabbox(&["run", "--json", "--artifact", "{one,two}.xml", "--", "true"]);
    assert_eq!(texts(&document(&ran)["artifacts"]["files"], "path"), ["one.xml", "two.xml"]);
}

#[test]
fn a_report_that_nobody_could_read_is_not_taken() {
    let world = World::new();
    let line = "echo '<x/>' >small.xml; head -c 67108865 /dev/zero >large.xml";
    let done = run(&world, &["--junit", "*.xml"], line);
    assert_eq!(reports(&world, &done), ["small.xml"]);
    let left_out = &done["artifacts"]["left_out"];
    assert_eq!(texts(left_out, "path"), ["large.xml"]);
    assert_eq!(texts(left_out, "why"), ["it is larger than 64 MiB"]);
}

#[test]
fn what_is_called_like_a_report_and_is_none_is_named_or_looked_through() {
    let world = World::new();
    let line = "mkdir folder.xml empty.xml; echo '<x/>' >folder.xml/in; mkfifo pipe.xml; ln -s no dangling.xml";
    let done = run(&world, &["--junit", "*.xml"], line);
    assert_eq!(done["outcome"]["exit"], 0, "{done}");
    assert_eq!(reports(&world, &done), ["folder.xml/in"]);
    let left_out = &done["artifacts"]["left_out"];
    let mut said: Vec<_> =
        texts(left_out, "path").into_iter().zip(texts(left_out, "why")).collect();
    said.sort_unstable();
    let expected = [
        ("dangling.xml", "it is a link that leads nowhere"),
        ("pipe.xml", "it is no file, folder or link"),
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_few_of_each_kind_that_is_not_here_are_named_and_each_once() {
    let world = World::new();
    let line = "mkdir r out; for at in 1 2 3 4; do mkfifo r/$at.xml out/$at; done; exit 1";
    let options = ["run", "--junit", "r/*.xml", "--artifact", "out/**", "--shell", line];
    let ran = world.crabbox(&options);
    assert_eq!(ran.code, 1, "{ran:?}");
    let told =
        |line: &&str| [".xml", "out/", "report", "artifact"].iter().any(|word| line.contains(word));
    let lines: Vec<_> =
        ran.stderr.lines().filter(told).filter(|line| !line.contains("hint:")).collect();
    let mut expected = vec![
        "crabbox: no tests in 0 reports of 4".to_owned(),
        "crabbox: warning: no new report matches `--junit r/*.xml`".to_owned(),
        "crabbox: warning: no file matches `--artifact out/**`".to_owned(),
    ];
    for (what, of) in [("report", "r/*.xml"), ("artifact", "out/*")] {
        expected.extend((1..=3).map(|at| {
            let path = of.replace('*', &at.to_string());
            format!(
                "crabbox: warning: the {what} `{path}` was left out: it is no file, folder or link"
            )
        }));
        expected.push(format!("crabbox: warning: 1 more {what} was left out, too"));
    }
    assert_eq!(lines, expected);
}

#[test]
fn a_workspace_that_is_gone_is_told_of_in_one_line() {
    let world = World::new();
    let line = "rm -rf \"$PWD\"; echo gone";
    let options = ["--junit", "r/*.xml", "--artifact", "out/**", "--shell", line];
    let ran = world.crabbox(&[&["run"], &options[..]].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "gone\n"), "{ran:?}");
    let told =
        |line: &&str| ["report", "artifact", "warning"].iter().any(|word| line.contains(word));
    let lines: Vec<_> = ran.stderr.lines().filter(told).collect();
    let expected = "crabbox: warning: not everything was brought back: the workspace isn't on the box any more";
    assert_eq!(lines, [expected]);
    // Where nobody has asked for anything, nothing is missed.
    let ran = world.crabbox(&["run", "--shell", line]);
    assert!(ran.code == 0 && !ran.stderr.contains("warning"), "{ran:?}");
}

#[test]
fn reports_beyond_what_all_of_them_may_be_are_named_and_the_others_count() {
    let world = World::new();
    // Three that fill what is left for those that are named, and one that is too much with them.
    let line = "for at in 1 2 3; do echo $at >$at.xml; truncate -s 64M $at.xml; done; echo '<testsuite/>' >4.xml";
    let done = run(&world, &["--junit", "*.xml"], line);
    assert_eq!(done["outcome"]["exit"], 0, "{done}");
    let left_out = &done["artifacts"]["left_out"];
    assert_eq!(texts(left_out, "why"), ["with it there would be more than 192 MiB"]);
    let came = reports(&world, &done);
    assert!(came.len() == 3 && !came.contains(&texts(left_out, "path")[0].to_owned()), "{came:?}");
    // Whoever reads the results finds it among those that couldn't be had.
    let troubles = done["results"]["reports"].as_array().expect("reports").iter();
    let missed = troubles.filter(|report| report["trouble"] == left_out[0]["why"]);
    assert_eq!(missed.count(), 1, "{done}");
}

#[test]
fn what_is_asked_for_is_found_wherever_it_lies_and_told_of_where_it_is_old_or_missing() {
    let world = World::new();
    let line = "for at in .out node_modules/out vendor; do mkdir -p $at; echo \"<testsuite><!-- $at --></testsuite>\" >$at/junit.xml; done; \
        echo '<testsuite/>' >junit.xml";
    let options = ["--keep", "--junit", ".out/*.xml", "--junit", "node_modules/**/*.xml"];
    let done = run(&world, &options, line);
    let came = [".out/junit.xml", "junit.xml", "node_modules/out/junit.xml"];
    assert_eq!(reports(&world, &done), came);
    let words = ["run", "--junit", ".out/*.xml", "--junit", "no.xml", "--", "true"];
    let ran = world.crabbox(&words);
    let said = |text: &str| ran.stderr.lines().any(|line| line.ends_with(text));
    assert!(said("no new report matches `--junit .out/*.xml`: 1 older one does"), "{ran:?}");
    assert!(said("no new report matches `--junit no.xml`"), "{ran:?}");
}
