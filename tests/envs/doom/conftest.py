import importlib.util

if importlib.util.find_spec("vizdoom") is None or importlib.util.find_spec("cv2") is None:
    collect_ignore_glob = ["test_*.py"]
