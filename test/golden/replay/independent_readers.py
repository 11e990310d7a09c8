"""Opens what latentloop writes with readers that are not ours, and checks what they find.

    python3 independent_readers.py bag <folder>       needs the rosbags library
    python3 independent_readers.py lerobot <folder>   needs pyarrow, pandas and numpy

Run by hand after a change of a writer; versions it passed with: rosbags 0.11.1, pyarrow 25.0, pandas 3.0, numpy 2.
"""

import json
import sys
from pathlib import Path

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}


def check_bag(folder: Path) -> None:
    from rosbags.highlevel import AnyReader

    with AnyReader([folder]) as reader:
        counts: dict[str, int] = {}
        for connection, _, data in reader.messages():
            reader.deserialize(data, connection.msgtype)
            counts[connection.topic] = counts.get(connection.topic, 0) + 1
        stated = {connection.topic: connection.msgcount for connection in reader.connections if connection.msgcount}
        assert counts == stated, f"{counts} read, {stated} stated"
        assert sum(counts.values()) == reader.message_count, reader.message_count
    print(f"{folder}: {sum(counts.values())} messages of {len(counts)} topics")


def check_lerobot(folder: Path) -> None:
    import numpy as np
    import pandas as pd
    import pyarrow.parquet as pq

    info = json.loads((folder / "meta/info.json").read_text())
    stats = json.loads((folder / "meta/stats.json").read_text())
    tasks = pd.read_parquet(folder / "meta/tasks.parquet")
    assert tasks.index.name == "task" and list(tasks["task_index"]) == list(range(info["total_tasks"]))
    data = pd.concat([pd.read_parquet(path) for path in sorted(folder.glob("data/*/*.parquet"))])
    episodes = pq.read_table(folder / "meta/episodes").to_pandas()
    assert (data["index"].to_numpy() == np.arange(info["total_frames"])).all()
    assert (episodes["episode_index"].to_numpy() == np.arange(info["total_episodes"])).all()
    assert np.allclose(data["timestamp"], data["frame_index"] / info["fps"], atol=1e-4)
    assert (episodes["dataset_to_index"] - episodes["dataset_from_index"] == episodes["length"]).all()
    for key, feature in info["features"].items():
        if feature["dtype"] == "video":
            assert np.array(stats[key]["mean"]).shape == (3, 1, 1), key
            assert episodes[f"stats/{key}/count"].map(sum).sum() == stats[key]["count"][0] == info["total_frames"]
        if feature["dtype"] in ("video", "string"):
            continue
        column = data[key].to_numpy()
        values = np.stack(column).astype(float) if feature["shape"] != [1] else column.astype(float)[:, None]
        figures = {"min": values.min(0), "max": values.max(0), "mean": values.mean(0), "std": values.std(0)}
        figures |= {name: np.quantile(values, share, axis=0) for name, share in QUANTILES.items()}
        for name, expected in figures.items():
            scale = np.abs(expected).max() + 1e-9
            assert np.allclose(stats[key][name], expected, atol=1e-6 * scale), (key, name, stats[key][name], expected)
    print(f"{folder}: {len(episodes)} episodes, {len(data)} frames, {len(info['features'])} features")


if __name__ == "__main__":
    kind, path = sys.argv[1:]
    {"bag": check_bag, "lerobot": check_lerobot}[kind](Path(path))
