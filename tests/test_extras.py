import configparser
import re
from pathlib import Path

from kerasdr.extras import _EXTRAS, how_to_install


def test_an_extra_brings_what_is_said_of_it() -> None:
    read = configparser.ConfigParser()
    read.read(Path(__file__).resolve().parents[1] / "setup.cfg")
    brings = {
        name: re.findall(r"^([a-z0-9-]+)>=", text, re.MULTILINE)
        for name, text in read["options.extras_require"].items()
    }
    for module, extra in _EXTRAS.items():
        assert {module, f"{module}-skinny"} & set(brings[extra]), module
    assert how_to_install("nncf") == "pip install 'kerasdr[int8]'"
    required = re.findall(r"^([a-z0-9-]+)>=", read["options"]["install_requires"], re.MULTILINE)
    assert "openvino" in required and how_to_install("openvino") == "pip install kerasdr"
