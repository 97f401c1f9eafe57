//! What the system says of this process, under the names that Prometheus' own clients use. Linux only: elsewhere all
//! of it stays at zero.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Figures of this process, as of the last look.
#[derive(Debug, Default)]
pub(super) struct Process {
    cpu_seconds: Counter<f64, AtomicU64>,
    resident: Gauge,
    open_files: Gauge,
    most_files: Gauge,
    threads: Gauge,
    started: Gauge,
}

impl Process {
    pub(super) fn register(registry: &mut Registry) -> Process {
        let process = Process::default();
        let Process { cpu_seconds, resident, open_files, most_files, threads, started } = &process;
        registry.register("process_cpu_seconds", "CPU time, user and system", cpu_seconds.clone());
        registry.register("process_resident_memory_bytes", "Resident memory", resident.clone());
        registry.register("process_open_fds", "Open files, sockets included", open_files.clone());
        registry.register("process_max_fds", "Most open files that are allowed", most_files.clone());
        registry.register("process_threads", "Threads", threads.clone());
        registry.register("process_start_time_seconds", "Start of the process, Unix time", started.clone());
        process
    }

    /// Takes in the newest figures. What the system does not say stays as it was.
    #[cfg(target_os = "linux")]
    pub(super) fn look(&self) {
        use std::sync::atomic::Ordering;

        use procfs::WithCurrentSystemInfo;
        use procfs::process::{LimitValue, Process as System};

        let Ok(system) = System::myself() else { return };
        if let Ok(stat) = system.stat() {
            let seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
            // Counters of this kind hold the bits of an f64.
            self.cpu_seconds.inner().store(seconds.to_bits(), Ordering::Relaxed);
            self.resident.set(i64::try_from(stat.rss_bytes().get()).unwrap_or(i64::MAX));
            self.threads.set(stat.num_threads);
            let since_boot = stat.starttime / procfs::ticks_per_second();
            if let Ok(boot) = procfs::boot_time_secs() {
                self.started.set(i64::try_from(boot + since_boot).unwrap_or(i64::MAX));
            }
        }
        if let Ok(files) = system.fd_count() {
            self.open_files.set(files as i64);
        }
        if let Ok(limits) = system.limits() {
            self.most_files.set(match limits.max_open_files.soft_limit {
                LimitValue::Value(most) => i64::try_from(most).unwrap_or(i64::MAX),
                LimitValue::Unlimited => i64::MAX,
            });
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn look(&self) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_threads_and_files() {
        let process = Process::default();
        process.look();
        assert!(process.resident.get() > 1 << 20 && process.threads.get() >= 1);
        assert!((3..process.most_files.get()).contains(&process.open_files.get()));
        let age = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64 - process.started.get();
        assert!((0..86_400).contains(&age), "{age} s");
        let files: Vec<_> = (0..20).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
        let before = process.open_files.get();
        process.look();
        assert!(process.open_files.get() >= before + 10, "other tests may close some meanwhile");
        drop(files);
    }
}
