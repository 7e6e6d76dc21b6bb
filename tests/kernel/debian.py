"""Kernels from Debian's archive, each unpacked once into a folder of the build tree.

What apt reads, keeps and trusts is its own here: no list of packages and no preference of this machine takes part,
nothing of it is changed, and the archive's signatures are checked as ever. Only where the archive is, and by which
proxy, comes from the machine.
"""

import dataclasses
import lzma
import pathlib
import re
import shutil
import subprocess
import tarfile

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# The suite that names the archive among the sources of this machine.
MACHINE = "bookworm"
# The kernel for virtual machines: a third of the usual one, since it has no drivers for hardware.
METAPACKAGE = "linux-image-cloud-amd64"
# Of what that depends on, the packages with the kernel's files. They were one until Linux 7.
PARTS = re.compile(r"^linux-(?:image|binary|modules)-\d\S*-cloud-amd64$", re.MULTILINE)
# Of these files: `tls`, the ciphers that it asks for, and what is built in, which modprobe has to know.
MODULES = re.compile(
    r"lib/modules/[^/]+/(?:modules\.(?:builtin|order).*|kernel/(?:arch/x86/crypto|crypto|lib|net/tls)/.+)"
)


class Unavailable(Exception):
    """Why a kernel cannot be had, in a line."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    release: str
    image: pathlib.Path
    modules: pathlib.Path  # The folder lib/modules/RELEASE.


def kernel(suite: str, folder: pathlib.Path) -> Kernel:
    """The kernel of a suite, unpacked in a folder: the one that is there, or the newest, downloaded."""
    if not folder.is_dir():
        install(suite, folder)
    modules = modules_below(folder)
    return Kernel(release=modules.name, image=folder / "vmlinuz", modules=modules)


def install(suite: str, folder: pathlib.Path) -> None:
    """Makes the folder, as a whole or not at all."""
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        for package in download(suite, fresh / "apt"):
            unpack(package, fresh)
        shutil.rmtree(fresh / "apt")
        index_modules(fresh)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def modules_below(folder: pathlib.Path) -> pathlib.Path:
    found = list(folder.glob("lib/modules/*"))
    if len(found) != 1 or not (folder / "vmlinuz").exists():
        raise Unavailable(f"the packages of {METAPACKAGE} have their files in other places than is known here")
    return found[0]


def download(suite: str, folder: pathlib.Path) -> list[pathlib.Path]:
    """Packages with the files of the suite's kernel, in the folder."""
    configuration = configure(suite, folder)
    apt(configuration, "apt-get", "update")
    names = PARTS.findall(apt(configuration, "apt-cache", "depends", "--recurse", "--important", METAPACKAGE))
    if not names:
        raise Unavailable(f"{METAPACKAGE} depends on no kernel")
    apt(configuration, "apt-get", "download", *sorted(set(names)))
    return sorted(folder.glob("*.deb"))


def configure(suite: str, folder: pathlib.Path) -> pathlib.Path:
    """Writes apt's configuration, for one suite and with all that apt keeps in the folder."""
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {archive()} {suite} main\n")
    configuration = folder / "apt.conf"
    # Cleared is what the machine would do after an update, and partial success is made a failure. A network that says
    # nothing is given up after about a minute.
    configuration.write_text(
        f"""#clear APT::Update;
APT::Update::Error-Mode "any";
Acquire::Retries "1";
Acquire::http::Timeout "15";
Acquire::https::Timeout "15";
Acquire::Languages "none";
Dir::State "{folder}";
Dir::State::status "/dev/null";
Dir::Cache "{folder}/cache";
Dir::Etc::SourceList "{sources}";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
"""
    )
    return configuration


def archive() -> str:
    """Where this machine has Debian from. The sources are read, not what is known of them: that may be nothing yet."""
    command = ["apt-get", "indextargets", "--no-release-info", "--format", "$(RELEASE) $(REPO_URI)"]
    try:
        listed = subprocess.run(
            [*command, "Created-By: Packages"], capture_output=True, text=True, check=False
        ).stdout
    except FileNotFoundError:
        raise Unavailable("there is no apt-get") from None
    for line in listed.splitlines():
        release, _, uri = line.partition(" ")
        if release == MACHINE:
            return uri
    raise Unavailable(f"apt's sources on this machine have no suite '{MACHINE}', which would say where the archive is")


def apt(configuration: pathlib.Path, command: str, *arguments: str) -> str:
    result = subprocess.run(
        [command, "-c", str(configuration), "-q", *arguments],
        cwd=configuration.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        errors = [line for line in result.stderr.splitlines() if line.startswith(("E:", "W:"))]
        raise Unavailable(f"{command} {arguments[0]}: {errors[0][2:].strip() if errors else result.stderr.strip()}")
    return result.stdout


def unpack(package: pathlib.Path, folder: pathlib.Path) -> None:
    """Unpacks of a package what a guest needs: the image as `vmlinuz`, and some modules below `lib`."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as child:
        with tarfile.open(fileobj=child.stdout, mode="r|") as files:
            for member in files:
                name = member.name.removeprefix("./").removeprefix("usr/")
                if pathlib.PurePath(name).name.startswith("vmlinuz"):
                    name = "vmlinuz"
                elif not MODULES.fullmatch(name):
                    continue
                if member.isfile():
                    write(folder / name, files.extractfile(member).read())
    if child.returncode != 0:
        raise Unavailable(f"dpkg-deb could not unpack {package.name}")


def write(path: pathlib.Path, content: bytes) -> None:
    # Unpacked here, modules need nothing of the guest's modprobe, and take no time of its slow processor.
    if path.suffix == ".xz":
        path, content = path.with_suffix(""), lzma.decompress(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def index_modules(folder: pathlib.Path) -> None:
    """Writes what modprobe reads; packages leave that to their installation."""
    command = ["busybox", "depmod", "-b", str(folder), modules_below(folder).name]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
