"""The usual hand-written epoch, as a reference: it uses nothing of noisylab but the data.

A list of tensors or a Dataset of PIL images with torchvision's transforms, a DataLoader, NCHW,
default Adam, and a plain module.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler
from torchvision import transforms

from noisylab.config.settings import AugmentConfig
from noisylab.core.images import ImageSet


class Net(nn.Module):
    def __init__(self, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(16, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, n_classes)
        self.dropout1 = nn.Dropout(dropout)
        self.dropout2 = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(functional.relu(self.conv1(x)))
        x = self.pool(functional.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        x = self.dropout1(functional.relu(self.fc1(x)))
        x = self.dropout2(functional.relu(self.fc2(x)))
        logits: Tensor = self.fc3(x)
        return logits


TO_TENSOR = transforms.Compose(
    [transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))]
)


class Augmented(Dataset[tuple[Tensor, int]]):
    """PIL images; one of seven transforms is applied with the probability of the class."""

    def __init__(self, train: ImageSet, probability: list[float], config: AugmentConfig) -> None:
        self.images = [Image.fromarray(image) for image in train.images]
        self.labels = train.labels.tolist()
        self.probability = probability
        darkest, brightest = config.brightness
        self.ways: list[Callable[[Any], Any]] = [
            transforms.RandomHorizontalFlip(1),
            transforms.RandomVerticalFlip(1),
            transforms.RandomRotation(config.rotate_degrees, transforms.InterpolationMode.BILINEAR),
            transforms.RandomResizedCrop(32, scale=(config.crop_scale**2, 1), ratio=(1, 1)),
            transforms.Grayscale(3),
            transforms.GaussianBlur(5, config.blur_sigma),
            transforms.ColorJitter(brightness=(darkest, brightest)),
        ]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, label = self.images[index], self.labels[index]
        if random.random() < self.probability[label]:
            image = random.choice(self.ways)(image)
        return TO_TENSOR(image), label


class Shifted(Dataset[tuple[Tensor, int]]):
    """PIL images, shifted by some pixels and mirrored half the time."""

    def __init__(self, train: ImageSet, shift_pixels: int) -> None:
        self.images = [Image.fromarray(image) for image in train.images]
        self.labels = train.labels.tolist()
        self.change = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=shift_pixels, padding_mode="reflect"),
                transforms.RandomHorizontalFlip(),
                TO_TENSOR,
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.change(self.images[index]), self.labels[index]


class Usual:
    """A network in training; each call trains one epoch."""

    def __init__(
        self,
        loader: DataLoader[Any],
        n_classes: int,
        lr: float = 0.001,
        dropout: float = 0.5,
        label_smoothing: float = 0.0,
    ) -> None:
        self.loader = loader
        self.model = Net(n_classes, dropout)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=lr)
        self.label_smoothing = label_smoothing

    def __call__(self) -> None:
        self.model.train()
        for images, labels in self.loader:
            self.optimizer.zero_grad()
            loss = functional.cross_entropy(
                self.model(images), labels, label_smoothing=self.label_smoothing
            )
            loss.backward()
            self.optimizer.step()

    def accuracy(self, loader: DataLoader[Any]) -> float:
        """Accuracy on a loader's images."""
        self.model.eval()
        right: list[bool] = []
        with torch.no_grad():
            for images, labels in loader:
                right += (self.model(images).argmax(1) == labels).tolist()
        return sum(right) / len(right)


class Bare:
    """The network's own operations on tensors that are ready; each call trains one epoch.

    Channels last, one fused Adam: no loop that computes the same steps with torch takes less.
    """

    def __init__(self, train: ImageSet, batch_size: int, precision: str) -> None:
        images = torch.stack([TO_TENSOR(image) for image in train.images])
        self.images = images.to(memory_format=torch.channels_last).split(batch_size)
        self.labels = torch.from_numpy(train.labels).split(batch_size)
        self.model = Net(len(train.classes), 0.5).to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.model.parameters(), fused=True)
        self.cast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")

    def __call__(self) -> None:
        self.model.train()
        for images, labels in zip(self.images, self.labels, strict=True):
            with self.cast:
                logits = self.model(images)
            functional.cross_entropy(logits.float(), labels).backward()
            self.optimizer.step()
            self.optimizer.zero_grad()


def list_of_tensors(train: ImageSet) -> Any:
    return [(TO_TENSOR(image), int(y)) for image, y in zip(train.images, train.labels, strict=True)]


def weighted_sampler(train: ImageSet, class_weights: list[float]) -> WeightedRandomSampler:
    weights = [class_weights[label] for label in train.labels]
    return WeightedRandomSampler(weights, len(train))
