//! The host knows no provider by name.

use crate::hints::program;

/// Names of providers, those that are planned, too.
const NAMES: [&str; 9] =
    ["local", "ssh", "coder", "docker", "static", "desk", "misbehaving", "gallery", "museum"];

#[test]
fn the_host_knows_no_provider_by_name() {
    let mut found = Vec::new();
    for (path, program) in program() {
        for (at, line) in program.lines().enumerate() {
            let line = line.trim();
            if !line.starts_with("//") && names_a_provider(line) {
                found.push(format!("{}:{}: {line}", path.display(), at + 1));
            }
        }
    }
    // The default is one, and `ssh` is a program, and a command of crabbox.
    let of_ssh = ["doctor/programs.rs", "src/transport/", "src/cli/ssh.rs", "Self::Ssh(_) =>"];
    found.retain(|one| {
        let is_default = one.contains("const DEFAULT_PROVIDER: &str = \"local\";");
        let is_program = one.contains("\"ssh\"") && of_ssh.iter().any(|place| one.contains(place));
        !is_default && !is_program
    });
    assert!(found.is_empty(), "{found:#?}");
    for line in
        ["x == \"coder\"", "  crabbox run --provider ssh", "provider.local.x", "[provider.desk]"]
    {
        assert!(names_a_provider(line), "{line}");
    }
}

fn names_a_provider(line: &str) -> bool {
    let goes_on = |next: char| next.is_ascii_alphanumeric() || next == '-' || next == '_';
    NAMES.iter().any(|name| {
        let literal = line.contains(&format!("\"{name}\"")) || line.contains(&format!("'{name}'"));
        let typed = ["--provider ", "--provider=", "provider.", "provider_", "provider call "]
            .iter()
            .any(|before| {
                let whole = format!("{before}{name}");
                line.split(&whole).skip(1).any(|behind| !behind.starts_with(goes_on))
            });
        literal || typed
    })
}
