"""The same job in PyTorch with pytorch-grad-cam; run where torch, torchvision and grad-cam are installed.

Networks are torchvision's ResNet18, ResNet34 and DenseNet121 with random weights: what a pass costs does not hang on them.
Called in a process of its own: ``python torch_stack.py PHOTOGRAPH...`` prints photographs a second, of the second time that it
grades them all. The recipe is CLAHE at full size; the retina is not looked for.
"""

import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Measure."""
    import cv2
    import numpy as np
    import torch
    import torchvision.models as models
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.image import show_cam_on_image
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    photographs = [Path(name) for name in sys.argv[1:]]
    networks = []
    for build, layers in (
        (models.resnet18, lambda net: [net.layer4[-1]]),
        (models.resnet34, lambda net: [net.layer4[-1]]),
        (models.densenet121, lambda net: [net.features[-1]]),
    ):
        net = build(weights=None, num_classes=5).eval().to(memory_format=torch.channels_last)
        networks.append((net, GradCAM(model=net, target_layers=layers(net))))
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    folder = tempfile.mkdtemp()
    for _ in range(2):
        started = time.perf_counter()
        for start in range(0, len(photographs), 16):
            pictures = []
            for path in photographs[start : start + 16]:
                rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
                lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
                lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(np.ascontiguousarray(lab[..., 0]))
                pictures.append(
                    cv2.resize(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), (224, 224), interpolation=cv2.INTER_AREA) / 255.0
                )
            batch = torch.tensor(((np.stack(pictures) - mean) / deviation).transpose(0, 3, 1, 2), dtype=torch.float32)
            batch = batch.to(memory_format=torch.channels_last)
            with torch.no_grad():
                grades = torch.stack([net(batch).softmax(1) for net, _ in networks]).mean(0).argmax(1).tolist()
            targets = [ClassifierOutputTarget(grade) for grade in grades]
            maps = np.mean([cam(input_tensor=batch, targets=targets) for _, cam in networks], axis=0)
            for place, (picture, heat) in enumerate(zip(pictures, maps, strict=True)):
                shown = show_cam_on_image(picture.astype(np.float32), heat, use_rgb=True)
                cv2.imwrite(f"{folder}/{start + place}.png", shown[..., ::-1])
        rate = len(photographs) / (time.perf_counter() - started)
    print(rate)


if __name__ == "__main__":
    main()
