"""A job whose configuration says where to run: an ordinary Hydra app."""

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> None:
    job = config.job
    print(f"{job.name}: {job.host}:{job.port}")


if __name__ == "__main__":
    main()
