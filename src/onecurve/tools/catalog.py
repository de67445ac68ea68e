"""The looking tools and the direct solvers, by name. Listing them imports nothing; a new one is a new file and one line here."""

from onecurve.core.registry import Registry
from onecurve.core.roles import Solver, Tool

TOOLS: Registry[Tool] = Registry(
    "tool",
    {
        "blank": "onecurve.tools.attribution.blank:Blank",
        "edges": "onecurve.tools.attribution.edges:Edges",
        "top-images": "onecurve.tools.data.top_images:TopImages",
        "random-patches": "onecurve.tools.inversion.random_patches:RandomPatches",
        "occlusion": "onecurve.tools.attribution.occlusion:Occlusion",
        "integrated-gradients": "onecurve.tools.attribution.integrated_gradients:IntegratedGradients",
        "saliency": "onecurve.tools.attribution.saliency:Saliency",
        "input-x-gradient": "onecurve.tools.attribution.saliency:InputXGradient",
        "guided-backprop": "onecurve.tools.attribution.guided_backprop:GuidedBackprop",
        "deconvolution": "onecurve.tools.attribution.guided_backprop:Deconvolution",
        "guided-grad-cam": "onecurve.tools.attribution.cams:GuidedGradCam",
        "grad-cam": "onecurve.tools.attribution.cams:GradCam",
        "hires-cam": "onecurve.tools.attribution.cams:HiResCam",
        "lrp": "onecurve.tools.attribution.lrp:Lrp",
        "deep-lift": "onecurve.tools.attribution.deep_lift:DeepLift",
        "deep-lift-shap": "onecurve.tools.attribution.deep_lift:DeepLiftShap",
        "gradient-shap": "onecurve.tools.attribution.gradient_shap:GradientShap",
        "reference-difference": "onecurve.tools.attribution.reference_difference:ReferenceDifference",
        "smooth-grad": "onecurve.tools.attribution.smooth_grad:SmoothGrad",
        "feature-ablation": "onecurve.tools.attribution.feature_ablation:FeatureAblation",
        "feature-permutation": "onecurve.tools.attribution.feature_ablation:FeaturePermutation",
        "lime": "onecurve.tools.attribution.kernel_shap:Lime",
        "kernel-shap": "onecurve.tools.attribution.kernel_shap:KernelShap",
        "shapley-sampling": "onecurve.tools.attribution.shapley_sampling:ShapleySampling",
        "shapley-surrogate": "onecurve.tools.attribution.shapley_sampling:ShapleySurrogate",
        "rise": "onecurve.tools.attribution.rise:Rise",
        "attention-rollout": "onecurve.tools.attribution.attention_rollout:AttentionRollout",
        "consensus": "onecurve.tools.attribution.consensus:Consensus",
        "adversarial-patch": "onecurve.tools.inversion.adversarial_patch:AdversarialPatch",
        "cppn": "onecurve.tools.synthesis.cppn:Cppn",
        "neural-cleanse": "onecurve.tools.inversion.neural_cleanse:NeuralCleanse",
        "neuron-inspect": "onecurve.tools.attribution.neuron_inspect:NeuronInspect",
    },
)

SOLVERS: Registry[Solver] = Registry(
    "solver",
    {
        "finetune": "onecurve.repairs.finetune:Finetune",
        "fine-pruning": "onecurve.repairs.fine_pruning:FinePruning",
        "test-set": "onecurve.tools.data.confusions:TestSet",
        "sparse-head": "onecurve.repairs.sparse_head:SparseHead",
    },
)
