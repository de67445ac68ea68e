"""The attribution methods by name. A new one is a new file and one line here; listing them imports nothing."""

from collections.abc import Mapping

TOOLS: Mapping[str, str] = {
    "blank": "onecurve.tools.attribution.blank:Blank",
    "edges": "onecurve.tools.attribution.edges:Edges",
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
    "neuron-inspect": "onecurve.tools.attribution.neuron_inspect:NeuronInspect",
}
