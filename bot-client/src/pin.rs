//! Which cores a thread, and all that it starts later, may run on: so that a server and its load do not take each other's
//! time. Linux only; elsewhere pinning is an error that says so.

use std::fmt;
use std::str::FromStr;

/// Highest number of a core that can be named.
const MOST: usize = 1023;

/// Numbers of cores, ascending, at least one: `0`, `1-3`, `0,2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores(Vec<usize>);

impl Cores {
    /// Lets the calling thread run on these only, and every thread and process that it starts from now on.
    ///
    /// # Errors
    /// A core that is not there or may not be used, or a system that cannot pin. The text says what to do.
    pub fn pin_this_thread(&self) -> Result<(), String> {
        pin(&self.0).map_err(|why| format!("cannot pin to cores {self}: {why}"))
    }

    /// The first core that this thread may use, and the others; none if there is only one or the system does not say.
    pub fn halves() -> Option<(Cores, Cores)> {
        let mut all = allowed()?;
        let rest = all.split_off(1.min(all.len()));
        (!rest.is_empty()).then_some((Cores(all), Cores(rest)))
    }
}

impl FromStr for Cores {
    type Err = String;

    fn from_str(text: &str) -> Result<Cores, String> {
        let bad = || format!("{text:?} names no cores: write them like 1, 0,2 or 1-3");
        let mut cores = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let first: usize = first.trim().parse().map_err(|_| bad())?;
            let last: usize = last.trim().parse().map_err(|_| bad())?;
            if first > last || last > MOST {
                return Err(bad());
            }
            cores.extend(first..=last);
        }
        cores.sort_unstable();
        cores.dedup();
        Ok(Cores(cores))
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&names.join(","))
    }
}

/// The cores of a server, and those of its load: `0/1`, `0-3/4-7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Where the server runs.
    pub server: Cores,
    /// Where the swarm runs.
    pub swarm: Cores,
}

impl Split {
    /// Tries both, so that nothing is started that cannot be pinned. The calling thread goes back to where it could run.
    ///
    /// # Errors
    /// As [`Cores::pin_this_thread`].
    pub fn check(&self) -> Result<(), String> {
        let before = allowed().map(Cores);
        for cores in [&self.server, &self.swarm] {
            let tried = cores.pin_this_thread();
            before.as_ref().map_or(Ok(()), Cores::pin_this_thread)?;
            tried?;
        }
        Ok(())
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(text: &str) -> Result<Split, String> {
        let (server, swarm) =
            text.split_once('/').ok_or("write the server's cores and the swarm's like 0/1")?;
        Ok(Split { server: server.parse()?, swarm: swarm.parse()? })
    }
}

#[cfg(target_os = "linux")]
fn pin(cores: &[usize]) -> Result<(), String> {
    use nix::sched::{CpuSet, sched_setaffinity};
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core).map_err(|error| error.to_string())?;
    }
    let before = allowed().unwrap_or_default();
    let pinned = sched_setaffinity(nix::unistd::Pid::from_raw(0), &set);
    // The kernel drops cores that are not there, and pins to the rest. If nothing is left, it refuses.
    let usable = if pinned.is_ok() { allowed().unwrap_or_default() } else { before.clone() };
    match (cores.iter().find(|core| !usable.contains(core)), pinned) {
        (Some(core), _) => {
            Err(format!("there is no core {core} for it; this program may use {}", Cores(before)))
        }
        (None, pinned) => pinned.map_err(|error| error.to_string()),
    }
}

#[cfg(target_os = "linux")]
fn allowed() -> Option<Vec<usize>> {
    let set = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)).ok()?;
    Some((0..=MOST).filter(|&core| set.is_set(core) == Ok(true)).collect())
}

#[cfg(not(target_os = "linux"))]
fn pin(_: &[usize]) -> Result<(), String> {
    Err("only Linux can; leave --pin out".into())
}

#[cfg(not(target_os = "linux"))]
fn allowed() -> Option<Vec<usize>> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_as_people_write_them() {
        let cores = |text: &str| text.parse::<Cores>().map(|cores| cores.to_string());
        assert_eq!(cores("1"), Ok("1".into()));
        assert_eq!(cores("5,0-2,1"), Ok("0,1,2,5".into()));
        for bad in ["", "x", "3-1", "0,", "-1", "9999", "0/1"] {
            assert!(cores(bad).unwrap_err().contains("1-3"), "{bad}");
        }
        let split: Split = "0/1-2".parse().unwrap();
        assert_eq!((split.server.to_string(), split.swarm.to_string()), ("0".into(), "1,2".into()));
        assert!("1".parse::<Split>().unwrap_err().contains("0/1"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pinned_thread_stays_on_its_core_and_so_does_what_it_starts() {
        std::thread::spawn(|| {
            let first = Cores(vec![allowed().unwrap()[0]]);
            first.pin_this_thread().unwrap();
            assert_eq!(allowed(), Some(first.0.clone()));
            let child = std::thread::spawn(allowed).join().unwrap();
            assert_eq!(child, Some(first.0));
            assert_eq!(Cores::halves(), None, "one core has no halves");
            let error = Cores(vec![MOST]).pin_this_thread().unwrap_err();
            assert!(error.contains("no core 1023") && error.contains("may use"), "{error}");
        })
        .join()
        .unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_split_is_tried_and_leaves_the_thread_as_it_was() {
        std::thread::spawn(|| {
            let before = allowed().unwrap();
            let first = Cores(vec![before[0]]);
            let missing = Cores(vec![before[0], MOST]);
            assert_eq!(Split { server: first.clone(), swarm: first.clone() }.check(), Ok(()));
            for (server, swarm) in [(&first, &missing), (&missing, &first)] {
                let error = Split { server: server.clone(), swarm: swarm.clone() }.check().unwrap_err();
                assert!(error.contains("no core 1023"), "{error}");
                assert!(error.ends_with(&format!("use {}", Cores(before.clone()))), "{error}");
                assert_eq!(allowed().as_ref(), Some(&before));
            }
        })
        .join()
        .unwrap();
    }
}
