"""What hiervae's own wheel and source archive hold."""

import ast
import email
import json
import tarfile
import tomllib
import zipfile

import pytest

pytestmark = pytest.mark.packaging


@pytest.fixture(scope="module")
def archive(wheels):
    with zipfile.ZipFile(wheels["hiervae"]) as opened:
        yield opened


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


def info(archive, name):
    (path,) = [path for path in archive.namelist() if path.endswith(f".dist-info/{name}")]
    return archive.read(path).decode()


def test_the_whole_package_is_in_the_wheel_and_nothing_else(archive, root):
    source = {
        path.relative_to(root).as_posix()
        for path in (root / "hiervae").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {path for path in archive.namelist() if ".dist-info/" not in path}
    assert packed == source
    assert "hiervae/py.typed" in packed


def test_every_folder_of_modules_is_a_package(root):
    folders = {path.parent for path in (root / "hiervae").rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_the_wheel_carries_licence_and_metadata(archive, root, project):
    assert info(archive, "licenses/LICENSE") == (root / "LICENSE").read_text()
    metadata = email.message_from_string(info(archive, "METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == project["requires-python"]
    extras = set(project["optional-dependencies"])
    assert set(metadata.get_all("Provides-Extra")) == {extra.replace("_", "-") for extra in extras}
    needed = {line.split(";")[0].strip() for line in metadata.get_all("Requires-Dist")}
    assert {entry.split(">")[0] for entry in project["dependencies"]} <= {
        entry.split(">")[0].split("<")[0] for entry in needed
    }


def test_the_entry_points_are_those_of_the_project(archive, project):
    written: dict[str, dict[str, str]] = {}
    for line in info(archive, "entry_points.txt").splitlines():
        if line.startswith("["):
            section = written.setdefault(line.strip("[]"), {})
        elif line:
            key, target = line.split(" = ")
            section[key] = target
    assert written.pop("console_scripts") == project["scripts"]
    assert written == project["entry-points"]
    assert set(written) == {
        "hiervae.priors",
        "hiervae.inference",
        "hiervae.schedulers",
        "hiervae.likelihoods",
        "hiervae.networks",
        "hiervae.datasets",
        "hiervae.presets",
    }


def test_every_entry_point_names_what_its_module_defines(archive, project):
    targets = [target for points in project["entry-points"].values() for target in points.values()]
    for target in [*targets, *project["scripts"].values()]:
        module, name = target.split(":")
        stem = module.replace(".", "/")
        paths = [
            path for path in (f"{stem}.py", f"{stem}/__init__.py") if path in archive.namelist()
        ]
        assert paths, target
        tree = ast.parse(archive.read(paths[0]))
        bound = {getattr(node, "name", None) for node in tree.body}
        bound |= {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert name in bound, target


def test_the_source_archive_builds_the_same_wheel(archive, build, root, tmp_path):
    (source,) = build("build_sdist", tmp_path, root)
    with tarfile.open(source) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert {"LICENSE", "README.md", "pyproject.toml", "tests"} <= {
        path.name for path in unpacked.iterdir()
    }
    (wheel,) = build("build_wheel", tmp_path, unpacked)
    with zipfile.ZipFile(wheel) as rebuilt:
        assert set(rebuilt.namelist()) == set(archive.namelist())


def test_every_built_in_part_loads_from_the_installed_wheel(wheels, new_environment):
    environment = new_environment(wheels["hiervae"], see_running_environment=True)
    script = """
    import json, hiervae
    from hiervae import registry
    parts = {
        group: [registry.load(group, name).__name__ for name in registry.available(group)]
        for group in registry.GROUPS
    }
    print(json.dumps([hiervae.__file__, parts]))
    """
    location, parts = json.loads(environment.run(script, {"HIERVAE_DISABLE_PLUGINS": "1"}))
    assert location.startswith(str(environment.folder))
    assert "VariationalHierarchicalPrior" in parts["hiervae.priors"]
    assert all(parts.values())
