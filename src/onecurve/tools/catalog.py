"""The looking tools and the direct solvers, by name. Listing them imports nothing; a new one is a new file and one line here."""

from onecurve.core.registry import Registry
from onecurve.core.roles import Solver, Tool

TOOLS: Registry[Tool] = Registry(
    "tool",
    {
        "blank": "onecurve.tools.blank:Blank",
        "edges": "onecurve.tools.edges:Edges",
        "top-images": "onecurve.tools.top_images:TopImages",
        "random-patches": "onecurve.tools.random_patches:RandomPatches",
        "occlusion": "onecurve.tools.occlusion:Occlusion",
        "integrated-gradients": "onecurve.tools.integrated_gradients:IntegratedGradients",
        "saliency": "onecurve.tools.saliency:Saliency",
        "input-x-gradient": "onecurve.tools.saliency:InputXGradient",
        "guided-backprop": "onecurve.tools.guided_backprop:GuidedBackprop",
        "deconvolution": "onecurve.tools.guided_backprop:Deconvolution",
        "guided-grad-cam": "onecurve.tools.cams:GuidedGradCam",
        "grad-cam": "onecurve.tools.cams:GradCam",
        "hires-cam": "onecurve.tools.cams:HiResCam",
        "lrp": "onecurve.tools.lrp:Lrp",
        "deep-lift": "onecurve.tools.deep_lift:DeepLift",
        "deep-lift-shap": "onecurve.tools.deep_lift:DeepLiftShap",
        "gradient-shap": "onecurve.tools.gradient_shap:GradientShap",
        "reference-difference": "onecurve.tools.reference_difference:ReferenceDifference",
        "smooth-grad": "onecurve.tools.smooth_grad:SmoothGrad",
        "feature-ablation": "onecurve.tools.feature_ablation:FeatureAblation",
        "feature-permutation": "onecurve.tools.feature_ablation:FeaturePermutation",
        "lime": "onecurve.tools.kernel_shap:Lime",
        "kernel-shap": "onecurve.tools.kernel_shap:KernelShap",
        "shapley-sampling": "onecurve.tools.shapley_sampling:ShapleySampling",
        "shapley-surrogate": "onecurve.tools.shapley_sampling:ShapleySurrogate",
        "rise": "onecurve.tools.rise:Rise",
        "attention-rollout": "onecurve.tools.attention_rollout:AttentionRollout",
        "consensus": "onecurve.tools.consensus:Consensus",
        "adversarial-patch": "onecurve.tools.adversarial_patch:AdversarialPatch",
        "cppn": "onecurve.tools.cppn:Cppn",
        "neural-cleanse": "onecurve.tools.neural_cleanse:NeuralCleanse",
        "neuron-inspect": "onecurve.tools.neuron_inspect:NeuronInspect",
    },
)

SOLVERS: Registry[Solver] = Registry(
    "solver",
    {
        "finetune": "onecurve.tools.finetune:Finetune",
        "fine-pruning": "onecurve.tools.fine_pruning:FinePruning",
        "test-set": "onecurve.tools.test_set:TestSet",
        "sparse-head": "onecurve.tools.sparse_head:SparseHead",
    },
)
