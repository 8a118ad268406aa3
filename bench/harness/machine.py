"""The machine that figures are of."""

import os
import pathlib
import subprocess


def read(path, fallback="unknown"):
    try:
        return pathlib.Path(path).read_text().strip()
    except OSError:
        return fallback


def lscpu():
    try:
        said = subprocess.run(["lscpu"], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    except OSError:
        return {}
    pairs = (line.partition(":") for line in said.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def description():
    cpu = lscpu()
    caches = [f"{name.removesuffix(' cache')} {cpu[name]}" for name in ("L1d cache", "L2 cache", "L3 cache")
              if name in cpu]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": cpu.get("Model name", "unknown"),
        "processors": len(os.sched_getaffinity(0)),
        "caches": ", ".join(caches),
        "virtual": cpu.get("Hypervisor vendor", "no"),
        "memory": f"{pages / (1 << 30):.0f} GiB",
        "kernel": os.uname().release,
        "congestion control": read("/proc/sys/net/ipv4/tcp_congestion_control"),
        "transparent huge pages": read("/sys/kernel/mm/transparent_hugepage/enabled"),
        "load at the start": f"{os.getloadavg()[0]:.1f}",
    }
