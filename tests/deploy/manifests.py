"""The Kubernetes manifests as Kustomize builds them, and the commands that their containers would run."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from deploy.debian import ProgramError
from deploy.golang import program
from tests.conftest import ROOT, unavailable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FOLDER", "built", "command_of", "only", "overlay_of"]

FOLDER = ROOT / "deploy" / "kubernetes"


def built(folder: Path) -> list[dict[str, Any]]:
    """All resources of a folder with a kustomization."""
    try:
        kustomize = program("kustomize")
    except ProgramError as error:
        unavailable(str(error))
    done = subprocess.run([kustomize, "build", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [resource for resource in yaml.safe_load_all(done.stdout) if resource]


def only(resources: list[dict[str, Any]], kind: str, name: str = "andon") -> dict[str, Any]:
    """The one resource of this kind and name."""
    (found,) = [one for one in resources if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def overlay_of(folder: Path, base: str, *components: str, **more: Any) -> Path:
    """An overlay as a user writes it: an overlay of ours, with components."""
    folder.mkdir(parents=True, exist_ok=True)
    up = os.path.relpath(FOLDER, folder)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{up}/overlays/{base}"],
        "components": [f"{up}/components/{component}" for component in components],
        **more,
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return folder


def command_of(resources: list[dict[str, Any]], *, pod: int) -> list[str]:
    """The arguments with which a pod of the StatefulSet starts andon, variables put in as Kubernetes does."""
    container = only(resources, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    variables = {}
    for variable in container.get("env", ()):
        source = variable.get("valueFrom", {})
        if "fieldRef" in source:
            assert source["fieldRef"]["fieldPath"] == "metadata.labels['apps.kubernetes.io/pod-index']"
            variables[variable["name"]] = str(pod)
        elif "configMapKeyRef" in source:
            reference = source["configMapKeyRef"]
            variables[variable["name"]] = only(resources, "ConfigMap", reference["name"])["data"][reference["key"]]
        else:
            variables[variable["name"]] = variable["value"]
    return [re.sub(r"\$\((\w+)\)", lambda found: variables[found[1]], argument) for argument in container["args"]]
