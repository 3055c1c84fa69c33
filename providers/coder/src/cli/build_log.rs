//! What a build waits for, and why it failed. Its error says that Terraform failed, no more; why is in the log that goes before, in lines
//! that nothing marks but `Error:`.

/// How much of it is shown.
const LINES: usize = 6;

/// The lines of Terraform's last error, without the times that they begin with.
pub(crate) fn cause(log: &str) -> Option<String> {
    let lines: Vec<&str> = log.lines().filter_map(without_time).map(str::trim).collect();
    let at = lines.iter().rposition(|line| line.starts_with("Error:"))?;
    let told = lines[at..].iter().filter(|line| !line.is_empty() && !line.starts_with("on "));
    Some(told.take(LINES).copied().collect::<Vec<_>>().join("; "))
}

/// Does a build go before?
pub(crate) fn has_stages(log: &str) -> bool {
    log.lines().any(|line| line.starts_with("==> ⧗ ") || line.starts_with("=== "))
}

/// What a line of it says of a wait that may be long.
pub(crate) fn stage(line: &str) -> Option<String> {
    let stage = line.strip_prefix("==> ⧗ ")?;
    if let Some(position) = stage.strip_prefix("Queued (position: ") {
        let position = position.trim_end_matches(')');
        return Some(format!("the build waits for others, at position {position}"));
    }
    (stage == "Starting workspace").then(|| "the workspace is being built".to_owned())
}

/// Of `2026-11-23 22:47:12.202Z Error: no room`, what is said.
fn without_time(line: &str) -> Option<&str> {
    let (date, rest) = line.split_once(' ')?;
    let (time, said) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_time = date.len() == 10 && date.starts_with('2') && time.ends_with('Z');
    is_time.then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_the_last_error_of_the_log() {
        let log = "=== ✔ Queued [0ms]\n\
            2026-11-23 22:47:12.175Z terraform_data.main[0]: Creation errored after 0s\n\
            2026-11-23 22:47:12.202Z Error: local-exec provisioner error\n\
            2026-11-23 22:47:12.202Z on main.tf line 19, in resource \"terraform_data\" \"main\":\n\
            2026-11-23 22:47:12.203Z \n\
            2026-11-23 22:47:12.203Z no capacity left in the pool\n\
            === ✘ Cleaning Up [43ms]\n";
        let said = "Error: local-exec provisioner error; no capacity left in the pool";
        assert_eq!(cause(log).as_deref(), Some(said));
        assert_eq!(cause("=== ✔ Queued [0ms]\nError: x\n"), None);
    }
}
