"""What PyInstaller does not find by itself: names that are loaded when they are first asked for, and data files.

Not `contrib` and `emulator`: a program that imports them has them anyway, and others need neither frameworks nor a server.
"""

from PyInstaller.utils.hooks import can_import_module, collect_data_files, collect_submodules

_APART = ("contrib", "emulator", "pytest_plugin", "__pyinstaller")


def _is_part(name: str) -> bool:
    return name.partition(".")[2].partition(".")[0] not in _APART


hiddenimports = collect_submodules("rocketride_sync", filter=_is_part)
datas = collect_data_files("rocketride_sync")

if can_import_module("pygal"):  # the extra `report`
    # It finds its charts' modules and its styles by their names.
    hiddenimports += collect_submodules("pygal", filter=lambda name: not name.startswith("pygal.test"))
    datas += collect_data_files("pygal")
