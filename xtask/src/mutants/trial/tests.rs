use std::fs;

use super::*;
use crate::mutants::data;

/// A crate with two guards. One has a test, and nothing would notice the other's absence.
const SOURCE: &str = "
pub fn pay(amount: u32, balance: u32) -> Option<u32> {
    if amount == 0 {
        return None;
    }
    if amount > balance {
        return None;
    }
    Some(balance.saturating_sub(amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_pays_more_than_there_is() {
        assert_eq!((pay(2, 1), pay(1, 2)), (None, Some(1)));
    }

    #[test]
    fn this_fails_anyway() {
        assert_eq!(pay(1, 1), None);
    }

    mod inner {
        #[test]
        fn twice() {}
    }

    #[test]
    fn twice() {}
}
";

/// A folder with the crate, which is removed in the end.
struct Fake(PathBuf);

impl Fake {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("xtask-mutants-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("src")).unwrap();
        let manifest = "[package]\nname = \"fake\"\nedition = \"2024\"\n\n[workspace]\n";
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("src/lib.rs"), SOURCE).unwrap();
        Self(folder)
    }

    fn runner(&self) -> Runner {
        Runner { limit: Duration::from_secs(60), ..Runner::new(self.0.clone(), self.0.join("target")) }
    }

    /// Tries the guards, and answers each one's verdict. The sources are afterwards what they were.
    fn verdicts(&self, runner: &Runner, guards: &[Guard]) -> Vec<Verdict> {
        let guards: Vec<&Guard> = guards.iter().collect();
        let mut verdicts = Vec::new();
        runner.try_all(&guards, |_, verdict, _| verdicts.push(verdict.clone())).unwrap();
        assert_eq!(fs::read_to_string(self.0.join("src/lib.rs")).unwrap(), SOURCE);
        verdicts
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn guard(test: &str, find: &str, replace: &str, more: &str) -> Guard {
    let text = format!(
        "area = 'a'\n[[guard]]\nid = 'one'\nholds = 'h'\ninvariants = []\npackage = 'fake'\ntests = ['{test}']\n{more}
        [[guard.edit]]\nfile = 'src/lib.rs'\nfind = '''{find}'''\nreplace = '''{replace}'''\n"
    );
    data::read(&text).unwrap().remove(0)
}

const TEST: &str = "nobody_pays_more_than_there_is";

#[test]
fn a_guard_is_killed_by_a_test_that_fails_and_by_nothing_else() {
    let fake = Fake::new("verdicts");
    let verdicts = fake.verdicts(
        &fake.runner(),
        &[
            guard(TEST, "amount > balance", "false", ""),
            guard(TEST, "amount == 0", "false", ""),
            guard(TEST, "amount > balance", "nonsense", ""),
            guard("no_such_test", "amount > balance", "false", ""),
            guard("twice", "amount > balance", "false", ""),
            guard("this_fails_anyway", "amount > balance", "false", ""),
            guard(TEST, "return None;", "", ""),
            guard(TEST, "amount < balance", "false", ""),
            guard(TEST, "amount > balance {", "amount > balance { std::process::abort();", ""),
        ],
    );
    let path = || vec![format!("tests::{TEST}")];
    assert_eq!(verdicts[0], Verdict::Killed);
    assert_eq!(verdicts[1], Verdict::Survived(path()));
    assert!(
        matches!(&verdicts[2], Verdict::NotCompiled(why) if why.contains("nonsense")),
        "{:?}",
        verdicts[2]
    );
    assert_eq!(verdicts[3], Verdict::NoTest(vec!["no_such_test".to_owned()]));
    assert_eq!(verdicts[4], Verdict::NoTest(vec!["twice".to_owned()]));
    assert_eq!(verdicts[5], Verdict::FailAnyway(vec!["this_fails_anyway".to_owned()]));
    assert!(matches!(&verdicts[6], Verdict::NoEdit(why) if why.contains("2 times")), "{:?}", verdicts[6]);
    assert!(matches!(&verdicts[7], Verdict::NoEdit(why) if why.contains("0 times")), "{:?}", verdicts[7]);
    assert_eq!(verdicts[8], Verdict::Crashed(path()));
    assert_eq!(verdicts.len(), 9);
}

#[test]
fn a_test_that_does_not_end_counts_only_where_the_guard_says_so() {
    let fake = Fake::new("hangs");
    let runner = Runner { limit: Duration::from_secs(5), ..fake.runner() };
    let hang = "amount > balance { std::thread::sleep(std::time::Duration::from_secs(600));";
    let verdicts = fake.verdicts(
        &runner,
        &[
            guard(TEST, "amount > balance {", hang, ""),
            guard(TEST, "amount > balance {", hang, "hangs = true"),
        ],
    );
    assert_eq!(verdicts, [Verdict::Hung, Verdict::Killed]);
}

#[test]
fn sources_that_do_not_compile_try_nothing() {
    let fake = Fake::new("broken");
    fs::write(fake.0.join("src/lib.rs"), "nonsense").unwrap();
    let guard = guard(TEST, "nonsense", "", "");
    let error = fake.runner().try_all(&[&guard], |_, _, _| panic!("tried")).unwrap_err();
    assert!(error.to_string().contains("do not compile with all guards in place"), "{error:#}");
}

#[test]
fn results_are_read() {
    assert_eq!(result("test a::b ... ok"), Some(("a::b".to_owned(), true)));
    assert_eq!(result("test a::b - should panic ... FAILED"), Some(("a::b".to_owned(), false)));
    assert_eq!(result("test a::b ... ok <1.2s>"), Some(("a::b".to_owned(), true)));
    for other in ["test a::b ... ignored", "test result: ok. 1 passed; 0 failed", "a::b ... ok", ""] {
        assert_eq!(result(other), None, "{other}");
    }
}
