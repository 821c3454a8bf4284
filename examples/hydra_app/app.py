"""A job that asks its configuration where to run: a Hydra app like any other."""

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> None:
    job = config.job
    print(f"{job.name}: {job.host}:{job.port}")


if __name__ == "__main__":
    main()
